// Width and height of the page look dimmed, and say why, while nobody looks at them: the size follows the sketch then.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const TABS = ["img2img", "txt2img"];
    const PAINTED = ["img2img_inpaint_tab", "img2img_inpaint_sketch_tab", "img2img_inpaint_upload_tab"];

    const part = (tab, name) => `#script_${tab}_colorizediffusion_${name}`;
    const seen = element => Boolean(element && element.getClientRects().length);

    // The first of a row of choices; true where there is no such row.
    function first(selector) {
        const choices = [...gradioApp().querySelectorAll(`${selector} input[type="radio"]`)];
        return !choices.length || choices[0].checked;
    }

    function on(tab) {
        const visible = own.find(part(tab, "enable-visible-checkbox"));
        return (visible || own.find(`${part(tab, "enable")} input[type="checkbox"]`))?.checked;
    }

    function followsSketch(tab) {
        if (!on(tab) || !own.find(`${part(tab, "size_from_sketch")} input`)?.checked) return false;
        if (tab === "txt2img") return true;
        const inpainting = PAINTED.some(id => seen(own.find(`#${id}`)));
        return first(part(tab, "start")) && first("#resize_mode") && !inpainting;
    }

    function dim(tab) {
        const unused = followsSketch(tab), words = own.find(".colorize-hint[data-texts]")?.dataset.texts;
        for (const side of ["width", "height"]) {
            const slider = own.find(`#${tab}_${side}`);
            if (!slider || slider.classList.contains("colorize-unused") === unused) continue;
            slider.classList.toggle("colorize-unused", unused);
            slider.title = unused && words ? JSON.parse(words).size_unused : "";
        }
    }

    let asked = false;

    function soon() {
        if (asked) return;
        asked = true;
        setTimeout(() => { asked = false; TABS.forEach(dim); }, 100); // when the page has answered the hand
    }

    ["change", "input", "click"].forEach(event => document.addEventListener(event, soon, true));
    onUiLoaded(soon);
    if (window.onAfterUiUpdate) onAfterUiUpdate(soon);
})();
