import type { ImageBatch } from "@mmgen/core";
import type { ModelInfo } from "../protocol/messages.js";
import { element, newId } from "../shell/element.js";
import { Drawing } from "./drawing.js";
import { followPointer, type Point } from "./follow-pointer.js";
import { toRgba } from "./image-canvas.js";
import { readImageFile, takeFiles } from "./read-image-file.js";
import { swatches } from "./swatches.js";

/** Half the width of a stroke, as a share of the image's shorter side; MNIST's digits are as wide. */
const strokeShare = 1.3 / 28;
/** Images of so few pixels are digits', which models know in the middle alone. */
const maxCenteredSide = 32;

/** Something to draw on, or to drop a picture on. */
export interface DrawingPad {
  readonly root: HTMLElement;
  /** What it shows, as a model takes it. */
  read(): ImageBatch;
  /** Takes the size of a model's images, and shows a first drawing. */
  setModel(model: ModelInfo): void;
  /** Shows an image of the model's shape. */
  show(image: ImageBatch): void;
}

/** Strokes of a seven, as shares of the sides: what the pad shows at first. */
const seven = [
  [0.32, 0.27],
  [0.68, 0.27],
  [0.45, 0.78],
] as const;

/** What a pad tells of. */
export interface PadListeners {
  /** A file that cannot be read, as a sentence; "" once one could. */
  readonly onProblem: (sentence: string) => void;
  /** A stroke or a picture is finished. */
  readonly onChange: () => void;
}

export function drawingPad({ onChange, onProblem }: PadListeners): DrawingPad {
  const hintId = newId("pad-hint");
  const canvas = element("canvas", {
    ...{ class: "pad", tabindex: 0, role: "application", "aria-label": "Drawing pad", "aria-describedby": hintId },
  });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const hint = element(
    "p",
    { id: hintId, class: "hint" },
    "Draw, or drop a picture here. ",
    element("span", { class: "keys" }, "Keys: arrows move the pen, space makes a dot, shift with arrows draws."),
  );
  let shape: ModelInfo["image"] = { channels: 3, height: 28, width: 28, maxValue: 255 };
  let isPicture = false;
  const ink = swatches("Ink", "plain white", () => {});
  const paper = swatches("Paper", "plain blue", (color) => {
    drawing.setGround(color);
    repaint();
  });
  let drawing = new Drawing(shape, paper.color);

  const repaint = () => {
    const { height, width } = drawing;
    canvas.width = width;
    canvas.height = height;
    const image = new ImageData(width, height);
    image.data.set(toRgba(drawing.toImage({ channels: 3, maxValue: 255 }), 0));
    context.putImageData(image, 0, 0);
  };
  const stroke = (from: Point, to: Point) => {
    drawing.line(from, to, strokeShare * Math.min(shape.height, shape.width), ink.color);
  };
  const clear = () => {
    drawing = new Drawing(shape, paper.color);
    isPicture = false;
    repaint();
  };
  const takePicture = (rgba: ArrayLike<number>) => {
    drawing.setRgba(rgba);
    isPicture = true;
    repaint();
  };
  followPointer(canvas, (from, to) => {
    stroke(from, to);
    repaint();
  });
  canvas.addEventListener("pointerup", onChange);
  canvas.addEventListener("keyup", ({ key }) => {
    if (key === " " || key === "Shift") {
      onChange();
    }
  });
  const files = element("input", { type: "file", accept: "image/*", hidden: true });
  const root = element(
    "div",
    { class: "pad-room" },
    canvas,
    hint,
    element(
      "div",
      { class: "row" },
      element("button", { type: "button", click: clear }, "Clear"),
      element("button", { type: "button", click: () => files.click() }, "Open a picture …"),
      files,
    ),
    ink.root,
    paper.root,
  );
  takeFiles(canvas, files, async (file) => {
    try {
      takePicture(await readImageFile(file, shape));
      onProblem("");
      onChange();
    } catch (error) {
      onProblem((error as Error).message);
    }
  });
  return {
    root,
    read() {
      const isSmall = Math.max(shape.height, shape.width) <= maxCenteredSide;
      return (isSmall && !isPicture ? drawing.centered() : drawing).toImage(shape);
    },
    setModel({ image }) {
      shape = image;
      clear();
      const [start, corner, end] = seven.map(([x, y]): Point => [x * image.width, y * image.height]);
      stroke(start!, corner!);
      stroke(corner!, end!);
      repaint();
    },
    show: (image) => takePicture(toRgba(image, 0)),
  };
}
