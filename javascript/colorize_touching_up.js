// The section "compare and put right": the last result, or any picture and its sketch, beside each other; areas that a
// click colours; strokes drawn over the sketch.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};
    const TABS = ["img2img", "txt2img"], VIEW = 1280; // px of the longer side of what is shown

    const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

    function fitted(left, right) {
        if (left.width === right.width && left.height === right.height) return left;
        const canvas = own.make("canvas", {width: right.width, height: right.height});
        canvas.getContext("2d").drawImage(left, 0, 0, right.width, right.height);
        return canvas;
    }

    class Section {
        constructor(root, tab, words) {
            const host = own.box(tab, "swap")?.className || ""; // dressed as the panel's own
            const tool = own.tools(root, root.id, words, host);
            Object.assign(this, {tab, words, tool, pictures: {}, views: {}, fixing: null, strokes: null});
            this.colours = new own.Colours(tool, (name, values) => this.say(name, values));
            this.view = new own.View(tool.canvas, tool.slider, {
                down: (x, y) => this.down(x, y), move: (x, y) => this.move(x, y), up: () => this.up()});
            const click = {take: () => this.take(), undo: () => this.back("undo"), redo: () => this.back("redo"),
                undo_all: () => this.back("all"), give: () => own.giveHints(this), save: () => own.save(this, "png"),
                save_psd: () => own.save(this, "psd"), save_ora: () => own.save(this, "ora"),
                larger: () => root.classList.toggle("colorize-larger")};
            const change = {...Object.fromEntries(["mode_compare", "mode_fix", "mode_hints", "pair"].map(
                name => [name, () => this.refresh()])),
            ...Object.fromEntries(["picture", "sketch", "palette"].map(
                name => [name, () => this.chose(name, tool[name].files[0])]))};
            for (const [event, actions] of Object.entries({click, change})) {
                for (const [name, action] of Object.entries(actions)) {
                    tool[name].addEventListener(event, () => this.tried(action));
                }
            }
            root.addEventListener("keydown", event => this.key(event));
            root.dataset.mode = "compare";
        }

        get mode() {
            return ["compare", "fix", "hints"].find(name => this.tool[`mode_${name}`].checked);
        }

        say(name, values) {
            this.tool.status.textContent = filled(this.words[name] || name, values || {});
        }

        // Errors are said in the section; one action after the other.
        tried(action) {
            this.waiting = (this.waiting || 0) + 1;
            this.tool.root.setAttribute("aria-busy", "true");
            const said = (this.last || Promise.resolve()).then(action).catch(error => this.say(error.message));
            this.last = said.then(() => {
                this.waiting -= 1;
                if (!this.waiting) this.tool.root.setAttribute("aria-busy", "false");
            });
            return this.last;
        }

        async take() {
            const [picture, sketch] = [own.chosen(this.tab), own.shown(this.tab, "sketch")];
            if (!picture) return this.say("no_result");
            this.taken = picture.src; // also where there is no sketch: `follow` asks for each result once
            if (!sketch) return this.say("no_sketch");
            if (sketch.src !== this.sketched) { // else strokes over it stay for the next run
                await this.set("sketch", await own.blobOf(sketch));
                this.sketched = sketch.src;
            }
            await this.set("picture", await own.blobOf(picture));
            await this.refresh();
        }

        async chose(name, file) {
            if (!file) return;
            if (name !== "palette") await this.set(name, file);
            else {
                this.palette = await own.dataUrl(file);
                this.fixing = null; // the palette is read with the areas
            }
            await this.refresh();
        }

        async set(name, blob) {
            const image = await own.imageOf(blob).catch(() => { throw new Error(this.words.no_picture); });
            const {views} = this;
            if (name === "picture" && views.picture) views.previous = views.after || views.picture;
            this.pictures[name] = {blob, size: [image.naturalWidth, image.naturalHeight]};
            views[name] = own.scaled(image, VIEW);
            this.fixing = views.after = views.before = null;
            if (name === "sketch") this.strokes = this.sketched = null;
        }

        // What lies in the section now, in the way that is chosen.
        async refresh() {
            const {mode, views, tool} = this;
            tool.root.dataset.mode = mode;
            this.view.over = null;
            if (mode !== "compare") await this.colours.look(own.shown(this.tab, "reference"));
            if (mode === "hints") return this.drawing();
            if (!views.picture) return this.say("none");
            if (mode === "fix") {
                if (!this.fixing) await this.read();
                return this.view.show(views.before, views.after, false);
            }
            const right = views.after || views.picture;
            const pair = tool.pair.value, {before: fix, previous} = views;
            const left = {sketch: this.fixing?.drawing || views.sketch, fix, previous}[pair];
            if (!left) return this.say(pair === "sketch" ? "no_sketch" : "no_other");
            this.view.show(fitted(left, right), right, true);
            this.say("move");
        }

        async read() {
            const {views, palette} = this, pictures = await own.sent(this);
            this.say("reading");
            const answer = await own.ask("areas", {...pictures, view: VIEW, palette});
            this.fixing = await own.Fixing.of(answer);
            this.colours.offer(answer.palette.length ? answer.palette : answer.colours);
            [views.before, views.after] = [this.fixing.painted(), this.fixing.painted()];
            this.say("ready", {count: answer.areas});
        }

        drawing() {
            const {sketch} = this.views;
            if (!sketch) return this.say("no_sketch");
            this.strokes = this.strokes || new own.Strokes([sketch.width, sketch.height]);
            this.view.over = this.strokes.picture(sketch.width, sketch.height);
            this.view.show(sketch, sketch, false);
            this.say("draw");
        }

        down(x, y) {
            if (this.colours.picking) return this.colours.take(this.view.right, x, y);
            const colour = this.colours.now;
            if (this.mode === "hints") {
                if (!this.strokes) return;
                this.strokes.begin(x, y, colour, this.tool.thick.value * this.view.canvas.width / 500);
            } else {
                if (!this.fixing) return;
                this.say("coloured", {areas: this.fixing.colour(x, y, colour), colour});
            }
            this.redraw();
        }

        move(x, y) {
            if (this.mode !== "hints" || !this.strokes?.now) return;
            this.strokes.go(x, y);
            this.redraw();
        }

        up() {
            if (this.mode === "hints") this.strokes?.end();
        }

        redraw() {
            const {canvas} = this.view, {views} = this;
            if (this.mode === "hints") {
                this.view.over = this.strokes.picture(canvas.width, canvas.height);
                return this.view.draw();
            }
            views.after = this.fixing.painted();
            this.view.show(views.before, views.after, false);
        }

        back(how) {
            const history = {fix: this.fixing, hints: this.strokes}[this.mode]?.history;
            if (!history) return;
            if (how === "all") while (history.done.length) history.undo();
            else history[how]();
            this.redraw();
        }

        key(event) {
            if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || this.mode === "compare") return;
            event.preventDefault();
            this.tried(() => this.back(event.shiftKey ? "redo" : "undo"));
        }

        // A new result while the section is looked at.
        follow() {
            const picture = this.taken && !this.waiting && this.tool.root.offsetParent ? own.chosen(this.tab) : null;
            const untouched = !this.fixing?.history.done.length;
            if (picture && picture.src !== this.taken && untouched) this.tried(() => this.take());
        }
    }

    // From below the results: fold the section out, with what is chosen there.
    function openAt(section) {
        const fold = own.find(`#script_${section.tab}_colorizediffusion_touching_up_fold`);
        const head = fold && own.find(".label-wrap", fold);
        if (head && !head.classList.contains("open")) head.click();
        section.tool.root.scrollIntoView({block: "nearest"});
        section.tried(() => section.take());
    }

    const roots = () => TABS.map(tab => [tab, own.find(`#colorize_${tab}_touching_up`)]).filter(each => each[1]);

    onUiLoaded(() => roots().filter(each => !each[1].colorize).forEach(([tab, root]) => {
        const words = JSON.parse(root.dataset.texts), section = root.colorize = new Section(root, tab, words);
        own.addResultButton?.(tab, "open_touching_up", "🖌️", words.title, () => openAt(section));
    }));
    if (window.onAfterUiUpdate) onAfterUiUpdate(() => roots().forEach(each => each[1].colorize?.follow()));
})();
