import type { ImageBatch } from "@mmgen/core";
import { codeGrid } from "../images/code-grid.js";
import { drawingPad } from "../images/drawing-pad.js";
import type { Inspection } from "../protocol/messages.js";
import { barList } from "../shell/bar-list.js";
import { element, newId } from "../shell/element.js";
import type { Tab } from "../shell/tab.js";
import { taskButton } from "../shell/task-button.js";
import { attentionShares } from "./attention-shares.js";
import { picture } from "./describe-tab.js";

/** Codes, likeliest words and attention of an image's description. */
export const inspectTab: Tab = {
  id: "inspect",
  title: "Look inside",
  summary: "The codes that an image becomes, the words that might have been, and what each choice looked at.",
  mount(panel, page) {
    const pad = drawingPad({
      onProblem: (sentence) => task.showProblem(sentence),
      onChange: () => void task.run(),
    });
    const results = element("div", { class: "results" });
    const task = taskButton("Look inside", async (signal) => {
      const image = pad.read();
      const inspection = await page.client.request("inspect", { image }, { signal });
      results.replaceChildren(...present(image, inspection));
      return "Choose a word or a code to see what the model looked at when it chose it.";
    });
    const invent = taskButton("Another image", async (signal) => {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      const params = { seed, count: 1, temperature: 0.8, topP: 0.9 };
      const { images } = await page.client.request("invent", params, { signal });
      pad.show(images);
      void task.run();
      return "";
    });
    invent.button.classList.remove("primary");
    panel.append(
      element(
        "div",
        { class: "controls" },
        pad.root,
        element("div", { class: "row" }, task.button, invent.button),
        task.status,
        invent.status,
      ),
      results,
    );
    let isFresh = false;
    return {
      onModel(model) {
        pad.setModel(model);
        results.replaceChildren();
        isFresh = true;
        task.status.textContent = "";
      },
      onShow() {
        if (isFresh) {
          isFresh = false;
          void invent.run();
        }
      },
      onImage(image) {
        isFresh = false;
        pad.show(image);
        void task.run();
      },
    };
  },
};

function present(image: ImageBatch, inspection: Inspection): HTMLElement[] {
  const { attention, codePositions, codes, grid, seen, wordPositions, words } = inspection;
  const layerId = newId("layer");
  const layer = element(
    "select",
    { id: layerId, change: () => refresh() },
    new Option("all layers", ""),
    ...Array.from({ length: attention.layers }, (_, i) => new Option(`layer ${i + 1}`, String(i))),
  );
  const bars = element("div", { class: "bars-room", role: "status" });
  let chosen: { readonly kind: "code" | "word"; readonly index: number } | undefined;
  const choose = (kind: "code" | "word", index: number) => {
    chosen = chosen?.kind === kind && chosen.index === index ? undefined : { kind, index };
    refresh();
  };
  const cells = codeGrid(codes, grid, (code) => choose("code", code));
  const chips = words.map(({ word }, index) =>
    element(
      "button",
      { type: "button", class: "chip word", "aria-pressed": "false", click: () => choose("word", index) },
      word,
    ),
  );
  const refresh = () => {
    const position =
      chosen === undefined ? undefined : (chosen.kind === "code" ? codePositions : wordPositions)[chosen.index];
    const shares =
      position === undefined
        ? undefined
        : attentionShares(inspection, position, layer.value === "" ? undefined : Number(layer.value));
    cells.showShares(shares?.codes);
    cells.choose(chosen?.kind === "code" ? chosen.index : undefined);
    for (const [index, chip] of chips.entries()) {
      chip.setAttribute("aria-pressed", String(chosen?.kind === "word" && chosen.index === index));
      chip.style.setProperty("--heat", String(shares?.words[index] ?? 0));
    }
    const word = chosen?.kind === "word" ? words[chosen.index] : undefined;
    bars.replaceChildren(
      ...(word === undefined
        ? []
        : [element("h3", {}, "What might have come here"), barList(word.likeliest, word.word)]),
    );
  };
  if (words.length > 0) {
    choose(
      "word",
      Math.max(
        0,
        words.findIndex(({ likeliest }) => (likeliest[0]?.probability ?? 1) < 0.9),
      ),
    );
  }
  const pictures = element(
    "div",
    { class: "pictures" },
    picture("The image", image),
    picture("As its codes show it", seen),
  );
  const caption =
    words.length === 0
      ? pictures
      : element(
          "section",
          {},
          element("h2", {}, "The caption"),
          element("div", { class: "chips", role: "group", "aria-label": "Words of the caption" }, ...chips),
          bars,
          pictures,
        );
  const attentionRow = element("div", { class: "row" }, element("label", { for: layerId }, "Attention of"), layer);
  const inside = element(
    "section",
    {},
    element("h2", {}, "The codes"),
    attentionRow,
    cells.root,
    element(
      "p",
      { class: "hint" },
      "Each number is a code, a part of the image. What is lit is what the model looked at when it chose the word or the code.",
    ),
  );
  return [element("div", { class: "inside" }, caption, inside)];
}
