import { element } from "../shell/element.js";
import { curveShape, type LossPoint } from "../training/loss-curves.js";

/** A curve of losses by step. */
export interface LossChart {
  readonly root: HTMLElement;
  /** @param points - Every step's loss so far; may be none. */
  show(points: readonly LossPoint[], totalSteps: number): void;
}

const width = 320;
const height = 120;
const namespace = "http://www.w3.org/2000/svg";

export function lossChart(title: string): LossChart {
  const every = line("loss-every");
  const smooth = line("loss-smooth");
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.append(every, smooth);
  const high = element("span", { class: "loss-high", "aria-hidden": "true" });
  const low = element("span", { class: "loss-low", "aria-hidden": "true" });
  const steps = element("span");
  const root = element(
    "figure",
    { class: "loss-chart" },
    element("figcaption", {}, element("strong", {}, title), steps),
    element("div", { class: "loss-box" }, element("div", { class: "loss-scale" }, high, low), svg),
  );
  let frame = 0;
  const draw = (points: readonly LossPoint[], totalSteps: number) => {
    const last = points.at(-1);
    root.classList.toggle("waiting", last === undefined);
    if (last === undefined) {
      every.removeAttribute("d");
      smooth.removeAttribute("d");
      high.textContent = "";
      low.textContent = "";
      steps.textContent = "not begun";
      svg.setAttribute("aria-label", `Loss of the ${title.toLowerCase()}: not begun`);
      return;
    }
    const shape = curveShape(points, { width, height, steps: totalSteps });
    every.setAttribute("d", shape.every);
    smooth.setAttribute("d", shape.smooth);
    low.textContent = loss(shape.range[0]);
    high.textContent = loss(shape.range[1]);
    steps.textContent = `step ${last.step} of ${totalSteps}, loss ${loss(last.loss)}`;
    svg.setAttribute(
      "aria-label",
      `Loss of the ${title.toLowerCase()}: ${loss(points[0]!.loss)} at first, ${loss(last.loss)} at step ${last.step}`,
    );
  };
  draw([], 1);
  return {
    root,
    show(points, totalSteps) {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => draw(points, totalSteps));
    },
  };
}

function line(name: string): SVGPathElement {
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("class", name);
  return path;
}

function loss(value: number): string {
  return value.toPrecision(3);
}
