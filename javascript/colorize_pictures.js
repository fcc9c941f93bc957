// Pictures of the page: where sketch, reference and results lie, files to canvases and back, and our routes on the
// server. Other files of ours find these functions in window.colorizeDiffusion.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const ROUTES = "./colorize-diffusion/"; // beside the page, as the WebUI's own
    const WAIT = 40; // times 50 ms, for the upload field that comes back when a box has been emptied

    const find = (selector, inside) => (inside || gradioApp()).querySelector(selector);
    const box = (tab, name) => find(`#script_${tab}_colorizediffusion_${name}`);
    const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

    // The large picture of the results, else the first of the overview.
    function chosen(tab) {
        const gallery = find(`#${tab}_gallery`);
        return gallery && (find('[data-testid="detailed-image"]', gallery) || find("img", gallery));
    }

    // What a picture box shows; of the sketch, else what img2img's own box shows.
    function shown(tab, name) {
        const target = box(tab, name), held = target && find("img[src]", target);
        return held || (name === "sketch" && tab === "img2img" ? find('#img2img_image img[src^="data"]') : null);
    }

    async function blobOf(image) {
        return image && image.src ? await (await fetch(image.src)).blob() : null;
    }

    // As a user would: empty the box, then hand the file to its upload field.
    async function fill(target, file) {
        find('button[aria-label="Clear"], button[aria-label="Remove Image"]', target)?.click();
        for (let i = 0; i < WAIT; i++) {
            const input = find('input[type="file"]', target);
            if (input) {
                const transfer = new DataTransfer();
                transfer.items.add(file);
                input.files = transfer.files;
                input.dispatchEvent(new Event("change", {bubbles: true}));
                return;
            }
            await pause(50);
        }
    }

    async function imageOf(blob) {
        const image = new Image();
        image.src = URL.createObjectURL(blob);
        try {
            await image.decode();
        } finally {
            URL.revokeObjectURL(image.src);
        }
        return image;
    }

    // A canvas with the picture, its longer side at most `side`, or of a given size.
    function scaled(image, side, size) {
        const scale = Math.min(1, side / Math.max(image.naturalWidth, image.naturalHeight));
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = size || [image.naturalWidth, image.naturalHeight].map(
            each => Math.max(1, Math.round(each * scale)));
        const pen = canvas.getContext("2d");
        pen.imageSmoothingQuality = "high";
        pen.imageSmoothingEnabled = scale < 1 || canvas.width < image.naturalWidth;
        pen.drawImage(image, 0, 0, canvas.width, canvas.height);
        return canvas;
    }

    function dataUrl(blob) {
        const reader = new FileReader();
        return new Promise((done, failed) => {
            reader.onload = () => done(reader.result);
            reader.onerror = () => failed(reader.error);
            reader.readAsDataURL(blob);
        });
    }

    function bytes(text) {
        const raw = atob(text), found = new Uint8Array(raw.length);
        for (let i = 0; i < raw.length; i++) found[i] = raw.charCodeAt(i);
        return found;
    }

    // The answer of one of our routes; an Error with the server's own sentence when it refuses.
    async function ask(route, body) {
        const reply = await fetch(ROUTES + route, {
            method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
        const answer = await reply.json().catch(() => ({}));
        if (!reply.ok) throw new Error(answer.detail || `${reply.status} ${reply.statusText}`);
        return answer;
    }

    function download(blob, name) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = name;
        document.body.appendChild(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    }

    Object.assign(own, {find, box, chosen, shown, blobOf, fill, imageOf, scaled, dataUrl, bytes, ask, download});
})();
