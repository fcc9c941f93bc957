// Which area every pixel of a small view belongs to, another colour for areas with their shading kept, as the server
// does it (finishing/recolour.py), and what was done, to be undone. No page is touched here.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const LUMA = [0.2126, 0.7152, 0.0722]; // Rec. 709

    const luma = (r, g, b) => LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
    const channels = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
    const hex = values => "#" + [...values].slice(0, 3).map(v => v.toString(16).padStart(2, "0")).join("");

    class Areas {
        // answer: of POST areas. runs: (area, how many pixels), 32 bits each, the lowest byte first.
        constructor(answer, bytes) {
            [this.width, this.height] = answer.view;
            this.colours = answer.colours;
            this.groups = answer.groups;
            this.labels = new Uint32Array(this.width * this.height);
            const runs = new DataView(bytes(answer.runs).buffer);
            for (let at = 0, i = 0; i < runs.byteLength; i += 8) {
                const count = runs.getUint32(i + 4, true);
                this.labels.fill(runs.getUint32(i, true), at, at + count);
                at += count;
            }
        }

        at(x, y) {
            const inside = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
            return this.labels[inside(y, this.height) * this.width + inside(x, this.width)];
        }

        // The area, and those that a hint in it colours too.
        together(area) {
            const group = this.groups[area - 1], found = [];
            this.groups.forEach((each, i) => { if (each === group) found.push(i + 1); });
            return found;
        }

        // pixels: RGBA of the colours without lines; colours: area -> "#rrggbb". A new array.
        recoloured(pixels, colours) {
            const found = new Uint8ClampedArray(pixels), table = new Map();
            for (const [area, colour] of colours) {
                table.set(area, [channels(colour), luma(...channels(this.colours[area - 1]))]);
            }
            for (let i = 0; table.size && i < this.labels.length; i++) {
                const wanted = table.get(this.labels[i]);
                if (!wanted) continue;
                const [colour, usual] = wanted, at = 4 * i;
                const here = luma(pixels[at], pixels[at + 1], pixels[at + 2]);
                const dark = Math.min(here / Math.max(usual, 1), 1);
                const light = Math.min(Math.max((here - usual) / Math.max(255 - usual, 1), 0), 1);
                for (let c = 0; c < 3; c++) {
                    const shaded = colour[c] * dark;
                    found[at + c] = Math.round(shaded + (255 - shaded) * light);
                }
            }
            return found;
        }
    }

    // Steps of any kind; what was undone comes back until another step is made.
    class History {
        constructor() {
            this.done = [];
            this.undone = [];
        }

        add(step) {
            this.done.push(step);
            this.undone = [];
        }

        undo() {
            if (this.done.length) this.undone.push(this.done.pop());
        }

        redo() {
            if (this.undone.length) this.done.push(this.undone.pop());
        }
    }

    Object.assign(own, {Areas, History, hex, channels});
})();
