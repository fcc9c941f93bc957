// Strokes of colour over a sketch: drawn on a view, undone, made into a transparent picture of the sketch's own size.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};

    class Strokes {
        // size: [width, height] of the view that they are drawn on.
        constructor(size) {
            this.size = size;
            this.history = new own.History();
            this.now = null;
        }

        // thick: in pixels of the view.
        begin(x, y, colour, thick) {
            this.now = {colour, thick, points: [[x, y]]};
        }

        go(x, y) {
            if (this.now) this.now.points.push([x, y]);
        }

        end() {
            if (this.now) this.history.add(this.now);
            this.now = null;
        }

        // Of any size; the strokes grow with it. Their edges are hard, so that each holds its own colour alone.
        picture(width, height) {
            const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
            [canvas.width, canvas.height] = [width, height];
            pen.scale(width / this.size[0], height / this.size[1]);
            pen.lineCap = pen.lineJoin = "round";
            for (const stroke of [...this.history.done, ...(this.now ? [this.now] : [])]) {
                pen.strokeStyle = stroke.colour;
                pen.lineWidth = stroke.thick;
                pen.beginPath();
                pen.moveTo(...stroke.points[0]);
                for (const point of stroke.points) pen.lineTo(...point);
                pen.stroke();
            }
            return canvas;
        }
    }

    Object.assign(own, {Strokes});
})();
