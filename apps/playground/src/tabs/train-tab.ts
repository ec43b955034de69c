import { element } from "../shell/element.js";
import type { Tab } from "../shell/tab.js";
import { imageStrip } from "../training-view/image-strip.js";
import { lossChart } from "../training-view/loss-chart.js";
import { sessionPanel } from "../training-view/session-panel.js";
import { trainingForm } from "../training-view/training-form.js";
import { TrainingSession } from "../training-view/training-session.js";

/** A model of one's own, trained in the page. */
export const trainTab: Tab = {
  id: "train",
  title: "Train",
  summary: "Teach a model of your own, here in the browser. You may pause, close the page and go on later.",
  mount(panel, page) {
    const form = trainingForm(() => void session.start(form));
    const view = {
      form: form.root,
      problem: element("p", { class: "status error", role: "alert" }),
      intro: intro(),
      panel: sessionPanel({
        pause: () => session.pause(),
        goOn: () => void session.goOn(),
        use: () => void session.use(),
        download: () => void session.download(),
        discard: () => void session.discard(),
      }),
      results: element("div", { class: "results training-results", hidden: true }),
      charts: { vqvae: lossChart("Image codec"), transformer: lossChart("Transformer") },
      held: imageStrip("Images it never saw"),
      reconstructions: imageStrip("As its codes show them"),
      samples: imageStrip("What it draws by now", true),
      origin: element("p", { class: "hint" }),
    };
    const session = new TrainingSession(page, view);
    const { charts, held, origin, problem, reconstructions, results, samples } = view;
    form.root.append(problem);
    results.append(
      element("div", { class: "loss-charts" }, charts.vqvae.root, charts.transformer.root),
      held.root,
      reconstructions.root,
      samples.root,
      origin,
    );
    panel.append(element("div", {}, form.root, view.panel.root), element("div", {}, view.intro, results));
    void session.restore();
    return {};
  },
};

/** What is to come, as long as there is nothing to show. */
function intro(): HTMLElement {
  return element(
    "div",
    { class: "training-intro" },
    element("h2", {}, "What happens"),
    element(
      "p",
      {},
      "First an image codec learns to write an image as a few codes out of a small vocabulary, and to show it again. ",
      "Images that it never saw, beside what it makes of them, show how well.",
    ),
    element(
      "p",
      {},
      "Then a transformer learns which codes and words follow each other. What it draws is shown as it gets better.",
    ),
    element(
      "p",
      {},
      "The state is kept in this browser: reload or close the page, and go on later. ",
      "The trained model is yours: use it in the other tabs, or download it for Node.",
    ),
  );
}
