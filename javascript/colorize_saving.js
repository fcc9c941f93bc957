// What leaves the section "compare and put right": the picture or its layers at full size, made by the server, and the
// strokes, into the panel's box of hints.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};

    // The two pictures, as our routes take them; an Error where one is missing.
    async function sent({pictures, words}) {
        if (!pictures.picture) throw new Error(words.none);
        if (!pictures.sketch) throw new Error(words.no_sketch);
        return {sketch: await own.dataUrl(pictures.sketch.blob), coloured: await own.dataUrl(pictures.picture.blob)};
    }

    // Of a file that is handed back as it came: image/jpeg -> jpeg, image/svg+xml -> svg.
    function ending(type) {
        const [kind, name] = type.split("/");
        return kind === "image" && name ? name.split("+")[0] : "png";
    }

    // kind: png, psd or ora.
    async function save(section, kind) {
        const {pictures, fixing} = section, layers = kind !== "png";
        if (!layers && !fixing?.history.done.length && pictures.picture) { // as it is
            const {blob} = pictures.picture, name = `picture.${ending(blob.type)}`;
            own.download(blob, name);
            return section.say("saved", {name});
        }
        const body = {...await sent(section), areas: Object.fromEntries(fixing ? fixing.wanted() : [])};
        section.say("writing");
        const answer = await own.ask(layers ? "layers" : "touch-up", layers ? {...body, format: kind} : body);
        const name = layers ? answer.name : "picture.png", type = layers ? "application/octet-stream" : "image/png";
        own.download(new Blob([own.bytes(answer[layers ? "file" : "image"])], {type}), name);
        section.say("saved", {name});
    }

    // The strokes at the sketch's own size; a download where the panel has no box for them.
    async function giveHints(section) {
        const {pictures, strokes, tab, words} = section;
        if (!strokes?.history.done.length) return section.say("draw");
        const canvas = strokes.picture(...pictures.sketch.size);
        const blob = await new Promise(done => canvas.toBlob(done, "image/png"));
        if (!blob) throw new Error(words.too_large);
        const target = own.box(tab, "hints");
        if (!target) return own.download(blob, "hints.png");
        await own.fill(target, new File([blob], "hints.png", {type: "image/png"}));
        section.say("given");
    }

    Object.assign(own, {sent, save, giveHints});
})();
