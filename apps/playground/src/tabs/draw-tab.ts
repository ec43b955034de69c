import { imageGrid } from "../images/image-grid.js";
import { openImage } from "../images/open-image.js";
import { captionInput } from "../shell/caption-input.js";
import { element, newId } from "../shell/element.js";
import { samplingControls } from "../shell/sampling-controls.js";
import type { Tab } from "../shell/tab.js";
import { taskButton } from "../shell/task-button.js";
import { speedOf } from "./speed-of.js";

const counts = [1, 4, 9, 16];

/** Images of a caption. */
export const drawTab: Tab = {
  id: "draw",
  title: "Draw",
  summary: "Say what to draw, in words that the model knows.",
  mount(panel, page) {
    const caption = captionInput(
      (caption, signal) => page.client.request("suggest", { caption }, { signal }),
      () => void task.run(),
    );
    const sampling = samplingControls();
    const grid = imageGrid((image, text) => openImage(page, image, text));
    const countId = newId("count");
    const count = element("select", { id: countId }, ...counts.map((each) => new Option(String(each))));
    count.value = "4";
    const slow = element("input", { type: "checkbox" });
    const task = taskButton("Draw", async (signal, say) => {
      const asked = caption.input.value.trim();
      const params = { caption: asked, count: Number(count.value), isSlow: slow.checked, ...sampling.read() };
      const drawn = await page.client.request("draw", params, {
        signal,
        onEvent: (state) => {
          grid.appear(state);
          say(`Round ${state.round} of ${state.rounds}`);
        },
      });
      grid.show(drawn.images, drawn.captions);
      return slow.checked ? `Drawn in ${drawn.codesPerImage} codes an image.` : speedOf(drawn);
    });
    const slowChoice = element("label", { class: "choice" }, slow, "Slowly, so that one can follow");
    const controls = element(
      "div",
      { class: "controls" },
      caption.root,
      element("div", { class: "row" }, element("label", { for: countId }, "Images"), count, task.button),
      task.status,
      element("details", {}, element("summary", {}, "How it draws"), sampling.root, slowChoice),
    );
    panel.append(controls, element("div", { class: "results" }, grid.root));
    task.setEnabled(false);
    let isFresh = false;
    return {
      onModel(model) {
        caption.setModel(model);
        sampling.reset(model);
        grid.clear();
        task.setEnabled(model.text !== "none");
        if (model.text === "none") {
          task.status.textContent = "This model was trained on images without captions: use Invent or Complete.";
        }
        isFresh = model.text !== "none";
      },
      onShow() {
        if (isFresh) {
          isFresh = false;
          void task.run();
        }
      },
    };
  },
};
