import { type ImageBatch, sliceImages } from "@mmgen/core";
import type { Appearing } from "../protocol/messages.js";
import { element } from "../shell/element.js";
import { paint } from "./image-canvas.js";

/** A grid of images, each a button that opens what can be done with it. */
export interface ImageGrid {
  readonly root: HTMLElement;
  /** Shows images on their way; they cannot be opened yet. */
  appear(state: Appearing): void;
  /** Shows finished images, each over its caption where there are captions. */
  show(images: ImageBatch, captions?: readonly string[]): void;
  clear(): void;
}

/** @param onOpen - Told of the image that was chosen. */
export function imageGrid(onOpen: (image: ImageBatch, caption: string) => void): ImageGrid {
  const root = element("div", { class: "image-grid" });
  let tiles: Tile[] = [];
  const prepare = (count: number) => {
    root.style.setProperty("--across", String(Math.ceil(Math.sqrt(count))));
    if (tiles.length !== count) {
      tiles = Array.from({ length: count }, newTile);
      root.replaceChildren(...tiles.map(({ figure }) => figure));
    }
  };
  return {
    root,
    appear({ hidden, images }) {
      prepare(images.count);
      for (const [i, { button, canvas, caption }] of tiles.entries()) {
        paint(canvas, images, i, hidden);
        button.disabled = true;
        caption.textContent = "";
      }
    },
    show(images, captions) {
      prepare(images.count);
      for (const [i, { button, canvas, caption }] of tiles.entries()) {
        const text = captions?.[i] ?? "";
        paint(canvas, images, i);
        button.disabled = false;
        button.setAttribute("aria-label", `Image ${i + 1}${text === "" ? "" : `: ${text}`}. Open`);
        button.onclick = () => onOpen(sliceImages(images, i, i + 1), text);
        caption.textContent = text;
        caption.hidden = text === "";
      }
    },
    clear() {
      tiles = [];
      root.replaceChildren();
    },
  };
}

interface Tile {
  readonly figure: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly canvas: HTMLCanvasElement;
  readonly caption: HTMLElement;
}

function newTile(): Tile {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const button = element(
    "button",
    { type: "button", class: "tile", disabled: true, "aria-label": "Being drawn" },
    canvas,
  );
  const caption = element("figcaption", { hidden: true });
  return { figure: element("figure", {}, button, caption), button, canvas, caption };
}
