// Which area every pixel of a small view belongs to, another colour for areas with their shading kept, as the server
// does it (finishing/recolour.py), and what was done, to be undone. No page is touched here.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const LUMA = [0.2126, 0.7152, 0.0722]; // Rec. 709
    const ROOM = 64, HALF = 128; // of 255, to black or white: shares of less room are not told

    const luma = (r, g, b) => LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
    const channels = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
    const hex = values => "#" + [...values].slice(0, 3).map(v => v.toString(16).padStart(2, "0")).join("");

    // What of the area's colour is left in a pixel, and its share of white.
    function shading(pixel, usual) {
        const within = share => Math.min(Math.max(share, 0), 1);
        const here = luma(...pixel), most = luma(...usual);
        const shares = [0, 1, 2].filter(c => 255 - usual[c] >= ROOM)
            .map(c => (pixel[c] - usual[c]) / (255 - usual[c]));
        const lighter = (here - most) / Math.max(255 - most, HALF);
        const light = shares.length ? Math.max(lighter, Math.min(...shares)) : lighter;
        return [within(1 - (most - here) / Math.max(most, ROOM)), within(light)];
    }

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
                table.set(area, [channels(colour), channels(this.colours[area - 1])]);
            }
            for (let i = 0; table.size && i < this.labels.length; i++) {
                const wanted = table.get(this.labels[i]);
                if (!wanted) continue;
                const [colour, usual] = wanted, at = 4 * i;
                const [dark, light] = shading(pixels.subarray(at, at + 3), usual);
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
