import type { ImageBatch } from "@mmgen/core";
import type { ModelInfo } from "../protocol/messages.js";
import { element, newId } from "../shell/element.js";
import { followPointer, type Point } from "./follow-pointer.js";
import { toRgba } from "./image-canvas.js";

/** Parts that can be erased at once: whether a place is, by where it lies, from 0 to 1. */
const parts: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  Nothing: () => false,
  "Lower half": (_, y) => y > 0.5,
  "Right half": (x) => x > 0.5,
  Middle: (x, y) => x > 0.25 && x < 0.75 && y > 0.25 && y < 0.75,
};

/** An image of which parts can be erased. */
export interface Eraser {
  readonly root: HTMLElement;
  /** Shows an image, the lower half erased. */
  show(image: ImageBatch): void;
  setModel(model: ModelInfo): void;
  /** The image and its mask, 1 for each pixel that is kept, row by row; nothing where there is no image. */
  read(): { readonly image: ImageBatch; readonly mask: Uint8Array } | undefined;
}

export function eraser(): Eraser {
  const hintId = newId("eraser-hint");
  const canvas = element("canvas", {
    ...{
      class: "pad",
      tabindex: 0,
      role: "application",
      "aria-label": "Image to erase from",
      "aria-describedby": hintId,
    },
  });
  let image: ImageBatch | undefined;
  let grid = { height: 1, width: 1 };
  let isErased = new Uint8Array(1);
  let erases = true;

  const repaint = () => {
    if (image === undefined) {
      return;
    }
    const { height, width } = image;
    canvas.width = width;
    canvas.height = height;
    const pixels = new ImageData(width, height);
    pixels.data.set(toRgba(image, 0));
    for (let pixel = 0; pixel < height * width; pixel++) {
      if (isErased[placeOf([pixel % width, Math.floor(pixel / width)])] === 1) {
        pixels.data[pixel * 4 + 3] = 0;
      }
    }
    canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  };
  const placeOf = ([x, y]: Point): number => {
    const { height, width } = image!;
    const within = (share: number, size: number) => Math.max(0, Math.min(size - 1, Math.floor(share * size)));
    return within(y / height, grid.height) * grid.width + within(x / width, grid.width);
  };
  const erase = (part: (x: number, y: number) => boolean) => {
    isErased = Uint8Array.from({ length: grid.height * grid.width }, (_, place) =>
      Number(part(((place % grid.width) + 0.5) / grid.width, (Math.floor(place / grid.width) + 0.5) / grid.height)),
    );
    repaint();
  };
  followPointer(canvas, (from, to) => {
    if (image === undefined) {
      return;
    }
    const steps = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])) || 1;
    for (let step = 0; step <= steps; step++) {
      const at = (axis: 0 | 1) => from[axis] + ((to[axis] - from[axis]) * step) / steps;
      isErased[placeOf([at(0), at(1)])] = Number(erases);
    }
    repaint();
  });
  const name = newId("eraser");
  const tool = (label: string, value: boolean) =>
    element(
      "label",
      { class: "choice" },
      element("input", {
        ...{ type: "radio", name, checked: value },
        change: () => {
          erases = value;
        },
      }),
      label,
    );
  const buttons = Object.entries(parts).map(([label, part]) =>
    element("button", { type: "button", class: "chip", click: () => erase(part) }, label),
  );
  return {
    root: element(
      "div",
      { class: "pad-room" },
      canvas,
      element(
        "p",
        { id: hintId, class: "hint" },
        "Go over what the model shall draw anew. ",
        element(
          "span",
          { class: "keys" },
          "Keys: arrows move, space marks a place, shift with arrows marks on the way.",
        ),
      ),
      element(
        "fieldset",
        { class: "choices" },
        element("legend", {}, "Pointer"),
        tool("Erase", true),
        tool("Bring back", false),
      ),
      element("div", { class: "chips", role: "group", "aria-label": "Erase" }, ...buttons),
    ),
    show(next) {
      image = next;
      erase(parts["Lower half"]!);
    },
    setModel({ places }) {
      image = undefined;
      grid = places;
      isErased = new Uint8Array(grid.height * grid.width);
      canvas.getContext("2d")!.clearRect(0, 0, canvas.width, canvas.height);
    },
    read() {
      if (image === undefined) {
        return undefined;
      }
      const { height, width } = image;
      const mask = Uint8Array.from({ length: height * width }, (_, pixel) =>
        Number(isErased[placeOf([pixel % width, Math.floor(pixel / width)])] === 0),
      );
      return { image, mask };
    },
  };
}
