import type { ImageBatch } from "@mmgen/core";
import { drawingPad } from "../images/drawing-pad.js";
import { imageCanvas } from "../images/image-canvas.js";
import type { Description, WrittenWord } from "../protocol/messages.js";
import { barList } from "../shell/bar-list.js";
import { element } from "../shell/element.js";
import type { Tab } from "../shell/tab.js";
import { taskButton } from "../shell/task-button.js";

/** The caption of a drawing or a picture. */
export const describeTab: Tab = {
  id: "describe",
  title: "Describe",
  summary: "Draw something, or drop a picture, and the model says what it sees.",
  mount(panel, page) {
    const pad = drawingPad({
      onProblem: (sentence) => task.showProblem(sentence),
      onChange: () => void task.run(),
    });
    const results = element("div", { class: "results" });
    const task = taskButton("Describe", async (signal) => {
      const image = pad.read();
      const description = await page.client.request("describe", { image }, { signal });
      results.replaceChildren(...present(image, description));
      return `Described in ${(description.milliseconds / 1000).toFixed(1)} s.`;
    });
    panel.append(
      element("div", { class: "controls" }, pad.root, element("div", { class: "row" }, task.button), task.status),
      results,
    );
    task.setEnabled(false);
    let isFresh = false;
    return {
      onModel(model) {
        pad.setModel(model);
        results.replaceChildren();
        isFresh = model.text !== "none";
        task.setEnabled(isFresh);
        task.status.textContent = model.text === "none" ? "This model has no words: it learned from images alone." : "";
      },
      onShow() {
        if (isFresh) {
          isFresh = false;
          void task.run();
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

function present(image: ImageBatch, { caption, seen, words }: Description): HTMLElement[] {
  return [
    element("p", { class: "caption-found" }, caption === "" ? "(nothing)" : caption),
    element("div", { class: "pictures" }, picture("What you gave it", image), picture("What it sees", seen)),
    ...(words.some(({ likeliest }) => likeliest.length > 0)
      ? [element("h2", {}, "Word by word"), wordList(words)]
      : []),
  ];
}

/** An image with a line below. */
export function picture(title: string, image: ImageBatch): HTMLElement {
  const canvas = imageCanvas(image, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  return element("figure", { class: "picture" }, canvas, element("figcaption", {}, title));
}

function wordList(words: readonly WrittenWord[]): HTMLElement {
  const columns = words.map(({ likeliest, word }) =>
    element("section", { class: "word-column" }, element("h3", {}, word), barList(likeliest.slice(0, 5), word)),
  );
  return element("div", { class: "word-columns" }, ...columns);
}
