// Where a colour comes from in the section "compare and put right": a field, swatches, the picture, the reference.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const MOST = 48; // swatches
    const SIDE = 140; // px of the small reference

    function swatch(colour, choose) {
        const each = own.make("button", {type: "button", title: colour});
        each.style.background = colour;
        each.setAttribute("aria-label", colour);
        each.addEventListener("click", () => choose(colour));
        return each;
    }

    class Colours {
        constructor(tool, say) {
            Object.assign(this, {tool, say});
            tool.pick.addEventListener("click", () => this.pick(!this.picking));
            tool.reference.addEventListener("click", event => {
                const at = tool.reference.getBoundingClientRect();
                this.take(tool.reference, (event.clientX - at.left) * tool.reference.width / at.width,
                    (event.clientY - at.top) * tool.reference.height / at.height);
            });
        }

        get now() {
            return this.tool.colour.value;
        }

        get picking() {
            return this.tool.pick.getAttribute("aria-pressed") === "true";
        }

        pick(on) {
            this.tool.pick.setAttribute("aria-pressed", String(on));
            if (on) this.say("picking");
        }

        choose(colour) {
            this.tool.colour.value = colour;
            this.pick(false);
            this.say("picked", {colour});
        }

        // The colour of a canvas at that place.
        take(canvas, x, y) {
            this.choose(own.hex(canvas.getContext("2d").getImageData(Math.floor(x), Math.floor(y), 1, 1).data));
        }

        offer(colours) {
            const all = [...new Set(colours)].slice(0, MOST);
            this.tool.swatches.replaceChildren(...all.map(colour => swatch(colour, each => this.choose(each))));
        }

        // The reference of the panel, small, to pick from.
        async look(image) {
            const blob = await own.blobOf(image), {reference} = this.tool;
            reference.hidden = !blob;
            if (!blob) return;
            const small = own.scaled(await own.imageOf(blob), SIDE);
            [reference.width, reference.height] = [small.width, small.height];
            reference.getContext("2d").drawImage(small, 0, 0);
        }
    }

    Object.assign(own, {Colours});
})();
