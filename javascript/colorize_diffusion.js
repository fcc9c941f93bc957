// Comfort for the ColorizeDiffusion panel: an image pasted from the clipboard goes into the box under the mouse, and two
// buttons below the results send the chosen picture to a box. Forge's canvases also ask here whether a picture in them was
// put there by hand. Everything else works without this file, and in gradio 3 and 4.
(function() {
    "use strict";

    const TABS = ["img2img", "txt2img"];
    const BOXES = {reference: "🌈", sketch: "✏️"};
    const CANVASES = ["img2img_image", "img2img_sketch", "img2maskimg", "inpaint_sketch"].map(id => `#${id}`).join();
    const BY_HAND = 10000; // milliseconds in which a canvas has read the picture that the user gave it
    const WAIT = 40; // times 50 ms, for the upload field that comes back when a box has been emptied

    const find = (selector, inside) => (inside || gradioApp()).querySelector(selector);
    const box = (tab, name) => find(`#script_${tab}_colorizediffusion_${name}`);
    const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

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

    function boxInUse() {
        const all = TABS.flatMap(tab => Object.keys(BOXES).map(name => box(tab, name))).filter(Boolean);
        return all.find(each => each.matches(":hover")) || all.find(each => each.contains(document.activeElement));
    }

    function paste(event) {
        const file = [...(event.clipboardData?.files || [])].find(each => each.type.startsWith("image/"));
        const target = file && boxInUse();
        if (target) {
            event.preventDefault();
            event.stopImmediatePropagation(); // the WebUI would fill the first empty box of the page as well
            fill(target, file);
        }
    }

    // The large picture, else the first of the overview.
    function chosen(tab) {
        const gallery = find(`#${tab}_gallery`);
        return gallery && (find('[data-testid="detailed-image"]', gallery) || find("img", gallery));
    }

    async function send(tab, name) {
        const picture = chosen(tab), target = box(tab, name);
        if (picture && target) {
            const content = await (await fetch(picture.src)).blob();
            await fill(target, new File([content], "picture.png", {type: content.type || "image/png"}));
        }
    }

    function addButtons(tab) {
        const row = find(`#image_buttons_${tab}`), model = row && find("button", row);
        const words = JSON.parse(find(".colorize-hint[data-texts]")?.dataset.texts || "{}");
        for (const [name, symbol] of Object.entries(BOXES)) {
            const id = `colorize_${tab}_as_${name}`;
            if (!model || !box(tab, name) || find(`#${id}`)) continue;
            const button = document.createElement("button");
            button.id = id;
            button.type = "button";
            button.className = model.className;
            button.textContent = symbol;
            button.title = words[`as_${name}`] || name;
            button.addEventListener("click", () => send(tab, name));
            model.parentElement.appendChild(button);
        }
    }

    let byHand = -BY_HAND;

    function noteHand(event) {
        const target = event.target instanceof Element ? event.target : null;
        const meant = {
            change: target?.matches('input[type="file"]') && target.closest(CANVASES),
            drop: target?.closest(CANVASES),
            click: target?.closest('button[id^="removeButton"]')?.closest(CANVASES),
            paste: find(CANVASES.replaceAll(",", ":hover,") + ":hover"),
        }[event.type];
        if (meant) byHand = performance.now();
    }

    window.colorizeDiffusionByHand = () => {
        const recent = performance.now() - byHand < BY_HAND;
        byHand = -BY_HAND; // one picture for one movement of the hand
        return recent;
    };
    ["change", "drop", "click", "paste"].forEach(type => document.addEventListener(type, noteHand, true));
    document.addEventListener("paste", paste, true);
    onUiLoaded(() => TABS.forEach(addButtons));
})();
