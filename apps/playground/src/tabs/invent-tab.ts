import { imageGrid } from "../images/image-grid.js";
import { openImage } from "../images/open-image.js";
import { element, newId } from "../shell/element.js";
import { samplingControls } from "../shell/sampling-controls.js";
import type { Tab } from "../shell/tab.js";
import { taskButton } from "../shell/task-button.js";
import { speedOf } from "./speed-of.js";

const counts = [1, 4, 9, 16];

/** Images with captions that belong to them. */
export const inventTab: Tab = {
  id: "invent",
  title: "Invent",
  summary: "Images that nobody asked for, with words that belong to them.",
  mount(panel, page) {
    const sampling = samplingControls();
    const grid = imageGrid((image, caption) => openImage(page, image, caption));
    const countId = newId("count");
    const count = element("select", { id: countId }, ...counts.map((each) => new Option(String(each))));
    count.value = "9";
    const task = taskButton("Invent", async (signal, say) => {
      const params = { count: Number(count.value), ...sampling.read() };
      const drawn = await page.client.request("invent", params, {
        signal,
        onEvent: (state) => {
          grid.appear(state);
          say(`Round ${state.round} of ${state.rounds}`);
        },
      });
      grid.show(drawn.images, drawn.captions);
      return speedOf(drawn);
    });
    panel.append(
      element(
        "div",
        { class: "controls" },
        element("div", { class: "row" }, element("label", { for: countId }, "Images"), count, task.button),
        task.status,
        sampling.root,
      ),
      element("div", { class: "results" }, grid.root),
    );
    task.setEnabled(false);
    let isFresh = false;
    return {
      onModel(model) {
        sampling.reset(model);
        grid.clear();
        isFresh = true;
        task.setEnabled(true);
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
