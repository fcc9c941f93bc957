// The controls of the section "compare and put right", made inside the place that the panel leaves for them.
(function() {
    "use strict";

    const own = window.colorizeDiffusion = window.colorizeDiffusion || {};

    function make(tag, attributes, ...inside) {
        const element = Object.assign(document.createElement(tag), attributes);
        element.append(...inside);
        return element;
    }

    const row = (name, ...inside) => make("div", {className: `colorize-tools colorize-for-${name}`}, ...inside);

    // id: of the section, which makes those of its parts; host: classes of the WebUI's own buttons.
    function tools(root, id, words, host) {
        const found = {root};
        const named = (name, element) => {
            found[name] = element;
            element.id = `${id}_${name}`;
            return element;
        };
        const button = name => named(name, make("button", {type: "button", className: host, textContent: words[name]}));
        const file = (name, accept) => make("label", {className: "colorize-file"}, words[name] + " ",
            named(name, make("input", {type: "file", accept})));
        const labelled = (name, element) => make("label", {}, words[name] + " ", named(name, element));
        const mode = name => make("label", {}, named(`mode_${name}`,
            make("input", {type: "radio", name: `${id}_mode`, value: name, checked: name === "compare"})),
        " " + words[name]);

        const pairs = named("pair", make("select", {}, ...["sketch", "fix", "previous"].map(
            name => make("option", {value: name, textContent: words[`pair_${name}`]}))));
        pairs.setAttribute("aria-label", words.compare);
        const canvas = named("canvas", make("canvas", {tabIndex: 0, width: 1, height: 1}));
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", words.canvas);
        const slider = named("slider", make("input", {type: "range", min: 0, max: 1000, value: 500, step: "any"}));
        slider.setAttribute("aria-label", words.slider);
        const status = named("status", make("div", {className: "colorize-note", textContent: words.none}));
        status.setAttribute("role", "status");
        const swatches = named("swatches", make("div", {className: "colorize-swatches"}));
        swatches.setAttribute("role", "group");
        swatches.setAttribute("aria-label", words.swatches);
        const reference = named("reference", make("canvas", {hidden: true, title: words.reference}));
        reference.setAttribute("role", "img");
        reference.setAttribute("aria-label", words.reference);
        const pick = button("pick");
        pick.setAttribute("aria-pressed", "false");

        root.replaceChildren(
            row("all", button("take"), file("picture", "image/*"), file("sketch", "image/*")),
            make("fieldset", {className: "colorize-tools"}, make("legend", {textContent: words.mode}),
                mode("compare"), mode("fix"), mode("hints")),
            row("compare", pairs),
            row("paint", labelled("colour", make("input", {type: "color", value: "#d04030"})), pick,
                make("span", {className: "colorize-for-hints"},
                    labelled("thick", make("input", {type: "range", min: 2, max: 60, value: 14}))),
                file("palette", ".gpl,.ase,.aco,image/*"), swatches, reference),
            make("div", {className: "colorize-frame"}, canvas), slider, status,
            row("paint", button("undo"), button("redo"), button("undo_all"), button("give")),
            row("all", button("larger"), button("save"), button("save_psd"), button("save_ora")));
        return found;
    }

    Object.assign(own, {tools, make});
})();
