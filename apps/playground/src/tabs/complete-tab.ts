import { sliceImages } from "@mmgen/core";
import { Drawing } from "../images/drawing.js";
import { eraser } from "../images/eraser.js";
import { imageGrid } from "../images/image-grid.js";
import { openImage } from "../images/open-image.js";
import { readImageFile, takeFiles } from "../images/read-image-file.js";
import type { ModelInfo } from "../protocol/messages.js";
import { element, newId } from "../shell/element.js";
import { samplingControls } from "../shell/sampling-controls.js";
import type { Tab } from "../shell/tab.js";
import { taskButton } from "../shell/task-button.js";
import { speedOf } from "./speed-of.js";

const completions = 4;

/** An image of which a part was erased. */
export const completeTab: Tab = {
  id: "complete",
  title: "Complete",
  summary: "Erase a part of an image, and the model draws it anew, several ways.",
  mount(panel, page) {
    const board = eraser();
    const sampling = samplingControls();
    const grid = imageGrid((image, caption) => openImage(page, image, caption));
    const captionId = newId("caption");
    const caption = element("input", { id: captionId, type: "text", autocomplete: "off", spellcheck: "false" });
    const files = element("input", { type: "file", accept: "image/*", hidden: true });
    let model: ModelInfo | undefined;

    const task = taskButton("Complete", async (signal, say) => {
      const chosen = board.read();
      if (chosen === undefined) {
        throw new Error("There is no image yet. Take one that the model invents, or open a picture.");
      }
      const text = caption.value.trim();
      const params = { ...chosen, ...(text !== "" && { caption: text }), count: completions, ...sampling.read() };
      say("Drawing …");
      const drawn = await page.client.request("complete", params, { signal, onEvent: grid.appear });
      grid.show(drawn.images, drawn.captions);
      return speedOf(drawn);
    });
    const invent = taskButton("Another image", async (signal) => {
      const { images } = await page.client.request("invent", { ...sampling.read(), count: 1 }, { signal });
      board.show(sliceImages(images, 0, 1));
      sampling.reseed();
      return "";
    });
    invent.button.classList.remove("primary");
    takeFiles(board.root, files, async (file) => {
      try {
        const drawing = new Drawing(model!.image, [0, 0, 0]);
        drawing.setRgba(await readImageFile(file, model!.image));
        board.show(drawing.toImage(model!.image));
      } catch (error) {
        task.status.textContent = (error as Error).message;
        task.status.classList.add("error");
      }
    });
    const captionField = element(
      "div",
      { class: "field" },
      element("label", { for: captionId }, "Caption"),
      caption,
      element("p", { class: "hint" }, "What it is to show; empty: as the model likes."),
    );
    panel.append(
      element(
        "div",
        { class: "controls" },
        board.root,
        element(
          "div",
          { class: "row" },
          invent.button,
          element("button", { type: "button", click: () => files.click() }, "Open a picture …"),
          files,
        ),
        invent.status,
        captionField,
        element("div", { class: "row" }, task.button),
        task.status,
        element("details", {}, element("summary", {}, "How it draws"), sampling.root),
      ),
      element("div", { class: "results" }, grid.root),
    );
    const start = async () => {
      await invent.run();
      await task.run();
    };
    let isFresh = false;
    task.setEnabled(false);
    invent.setEnabled(false);
    return {
      onModel(next) {
        model = next;
        board.setModel(next);
        sampling.reset(next);
        grid.clear();
        // A model of classes completes images of a class alone.
        caption.value = next.text === "classes" ? next.words[0]! : "";
        captionField.hidden = next.text === "none";
        isFresh = true;
        task.setEnabled(true);
        invent.setEnabled(true);
      },
      onShow() {
        if (isFresh) {
          isFresh = false;
          void start();
        }
      },
      onImage(image) {
        isFresh = false;
        board.show(image);
      },
    };
  },
};
