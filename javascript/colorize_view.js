// A canvas that shows one picture to the left of a divider and another to its right, tells where it is clicked or drawn
// on, by mouse, pen, finger or arrow keys, and can be looked at larger.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const STEP = 0.02, FINE = 0.004; // of the longer side: what an arrow key moves, and with Shift

    class View {
        // on: {down(x, y), move(x, y), up()}, in the picture's own pixels. slider: an input of 0 to 1000.
        constructor(canvas, slider, on) {
            Object.assign(this, {canvas, slider, on, left: null, right: null, over: null, dividing: true, cross: null});
            slider.addEventListener("input", () => this.draw());
            canvas.addEventListener("pointerdown", event => this.pointer(event, "down"));
            canvas.addEventListener("pointermove", event => this.pointer(event, "move"));
            for (const name of ["pointerup", "pointercancel"]) {
                canvas.addEventListener(name, () => this.held !== undefined && (this.held = undefined, on.up()));
            }
            canvas.addEventListener("keydown", event => this.key(event));
            canvas.addEventListener("blur", () => this.pointTo(null));
        }

        // left, right: canvases of one size. dividing: the divider follows; else only the right one is seen.
        show(left, right, dividing) {
            if (this.canvas.width !== right.width || this.canvas.height !== right.height) {
                [this.canvas.width, this.canvas.height] = [right.width, right.height];
            }
            Object.assign(this, {left, right, dividing});
            this.canvas.style.touchAction = dividing ? "pan-y" : "none";
            this.slider.hidden = !dividing;
            this.draw();
        }

        draw() {
            if (!this.right) return;
            const {width, height} = this.canvas, pen = this.canvas.getContext("2d");
            pen.clearRect(0, 0, width, height);
            pen.drawImage(this.right, 0, 0);
            if (this.dividing) {
                const at = Math.round(width * this.slider.value / 1000), thick = Math.max(2, width / 300);
                if (at > 0) pen.drawImage(this.left, 0, 0, at, height, 0, 0, at, height);
                pen.fillStyle = "#ffffff";
                pen.fillRect(at - thick / 2, 0, thick, height);
                pen.fillStyle = "#000000";
                pen.fillRect(at - thick / 6, 0, thick / 3, height);
            }
            if (this.over) pen.drawImage(this.over, 0, 0);
            if (this.cross) this.drawCross(pen, ...this.cross);
        }

        drawCross(pen, x, y) {
            const reach = Math.max(8, this.canvas.width / 40);
            for (const [colour, thick] of [["#ffffff", 5], ["#000000", 2]]) {
                pen.strokeStyle = colour;
                pen.lineWidth = thick * Math.max(1, this.canvas.width / 600);
                pen.beginPath();
                pen.moveTo(x - reach, y);
                pen.lineTo(x + reach, y);
                pen.moveTo(x, y - reach);
                pen.lineTo(x, y + reach);
                pen.stroke();
            }
        }

        pointTo(place) {
            this.cross = place;
            this.draw();
        }

        place(event) {
            const at = this.canvas.getBoundingClientRect();
            return [(event.clientX - at.left) * this.canvas.width / at.width,
                (event.clientY - at.top) * this.canvas.height / at.height];
        }

        pointer(event, name) {
            if (!this.right || (name === "down" ? event.button !== 0 : event.pointerId !== this.held)) return;
            if (name === "down") {
                this.held = event.pointerId;
                this.cross = null;
                this.canvas.setPointerCapture(event.pointerId);
            }
            const [x, y] = this.place(event);
            if (this.dividing) {
                this.slider.value = 1000 * x / this.canvas.width;
                this.draw();
            } else {
                this.on[name](x, y);
            }
        }

        // Arrows move the divider or a cross, Enter and the space bar are a click at the cross.
        key(event) {
            const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
            if (!this.right || event.ctrlKey || event.metaKey || event.altKey) return;
            const {width, height} = this.canvas, step = event.shiftKey ? FINE : STEP;
            if (moves && this.dividing) {
                this.slider.value = Number(this.slider.value) + 1000 * step * (moves[0] || -moves[1]);
                this.draw();
            } else if (moves) {
                const [x, y] = this.cross || [width / 2, height / 2], far = step * Math.max(width, height);
                const to = [x + moves[0] * far, y + moves[1] * far];
                this.pointTo([Math.min(Math.max(to[0], 0), width - 1), Math.min(Math.max(to[1], 0), height - 1)]);
            } else if (!this.dividing && this.cross && ["Enter", " "].includes(event.key)) {
                this.on.down(...this.cross);
                this.on.up();
            } else {
                return;
            }
            event.preventDefault();
            event.stopPropagation(); // the WebUI has shortcuts of its own
        }
    }

    Object.assign(own, {View});
})();
