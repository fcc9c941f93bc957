// Comfort for the ColorizeDiffusion panel: an image pasted from the clipboard goes into the box under the mouse, and
// buttons below the results send the chosen picture to a box. Forge's canvases also ask here whether a picture in them
// was put there by hand. Everything else works without this file, and in gradio 3 and 4.
(function() {
    "use strict";

    const TABS = ["img2img", "txt2img"];
    const BOXES = {reference: "🌈", sketch: "✏️"};
    const CANVASES = ["img2img_image", "img2img_sketch", "img2maskimg", "inpaint_sketch"].map(id => `#${id}`).join();
    const BY_HAND = 10000; // milliseconds in which a canvas has read the picture that the user gave it
    const own = window.colorizeDiffusion = window.colorizeDiffusion || {}; // of colorize_pictures.js

    function boxInUse() {
        const all = TABS.flatMap(tab => Object.keys(BOXES).map(name => own.box(tab, name))).filter(Boolean);
        return all.find(each => each.matches(":hover")) || all.find(each => each.contains(document.activeElement));
    }

    function paste(event) {
        const file = [...(event.clipboardData?.files || [])].find(each => each.type.startsWith("image/"));
        const target = file && boxInUse();
        if (target) {
            event.preventDefault();
            event.stopImmediatePropagation(); // the WebUI would fill the first empty box of the page as well
            own.fill(target, file);
        }
    }

    async function send(tab, name) {
        const picture = own.chosen(tab), target = own.box(tab, name);
        if (picture && target) {
            const content = await own.blobOf(picture);
            await own.fill(target, new File([content], "picture.png", {type: content.type || "image/png"}));
        }
    }

    // Below the results, dressed as the WebUI's own.
    own.addResultButton = (tab, name, symbol, title, action) => {
        const row = own.find(`#image_buttons_${tab}`), model = row && own.find("button", row);
        const id = `colorize_${tab}_${name}`;
        if (!model || own.find(`#${id}`)) return;
        const button = document.createElement("button");
        Object.assign(button, {id, type: "button", title, className: model.className, textContent: symbol});
        button.setAttribute("aria-label", title);
        button.addEventListener("click", action);
        model.parentElement.appendChild(button);
    };

    function addButtons(tab) {
        const words = JSON.parse(own.find(".colorize-hint[data-texts]")?.dataset.texts || "{}");
        for (const [name, symbol] of Object.entries(BOXES)) {
            if (!own.box(tab, name)) continue;
            own.addResultButton(tab, `as_${name}`, symbol, words[`as_${name}`] || name, () => send(tab, name));
        }
    }

    let byHand = -BY_HAND;

    function noteHand(event) {
        const target = event.target instanceof Element ? event.target : null;
        const meant = {
            change: target?.matches('input[type="file"]') && target.closest(CANVASES),
            drop: target?.closest(CANVASES),
            click: target?.closest('button[id^="removeButton"]')?.closest(CANVASES),
            paste: own.find?.(CANVASES.replaceAll(",", ":hover,") + ":hover"),
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
