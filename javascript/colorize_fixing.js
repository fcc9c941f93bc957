// A picture's areas as the server told them, other colours for some of them, and how the picture looks with these.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};

    class Fixing {
        // answer: of POST areas.
        static async of(answer) {
            const found = new Fixing(), [width, height] = answer.view;
            const [below, lines, drawing] = await Promise.all(["below", "lines", "drawing"].map(
                name => own.imageOf(new Blob([own.bytes(answer[name])], {type: "image/png"}))));
            const pen = own.scaled(below, width, [width, height]).getContext("2d", {willReadFrequently: true});
            return Object.assign(found, {
                areas: new own.Areas(answer, own.bytes), history: new own.History(), width, height,
                below: pen.getImageData(0, 0, width, height).data, lines: own.scaled(lines, width, [width, height]),
                drawing: own.scaled(drawing, width, [width, height])}); // of a photo, the sheet as it was read
        }

        // Colours the area there, and what a hint in it would colour too; how many areas that is.
        colour(x, y, colour) {
            const areas = this.areas.together(this.areas.at(x, y));
            this.history.add({areas, colour});
            return areas.length;
        }

        // Area -> colour, of all that was clicked; the last click counts.
        wanted() {
            return new Map(this.history.done.flatMap(({areas, colour}) => areas.map(area => [area, colour])));
        }

        painted(colours = this.wanted()) {
            const canvas = own.make("canvas", {width: this.width, height: this.height}), pen = canvas.getContext("2d");
            const pixels = this.areas.recoloured(this.below, colours);
            pen.putImageData(new ImageData(pixels, this.width, this.height), 0, 0);
            pen.drawImage(this.lines, 0, 0);
            return canvas;
        }
    }

    Object.assign(own, {Fixing});
})();
