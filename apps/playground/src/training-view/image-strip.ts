import type { ImageBatch } from "@mmgen/core";
import { paint } from "../images/image-canvas.js";
import { element } from "../shell/element.js";

/** Small images in a row, under a line that says what they are. */
export interface ImageStrip {
  readonly root: HTMLElement;
  /** @param captions - One an image. Default: none. */
  show(images: ImageBatch, captions?: readonly string[]): void;
  clear(): void;
}

/** @param isLarge - Shows each large, with its caption. */
export function imageStrip(title: string, isLarge = false): ImageStrip {
  const row = element("div", { class: "strip-images", role: "group", "aria-label": title });
  const root = element(
    "section",
    { class: isLarge ? "strip strip-large" : "strip", hidden: true },
    element("h3", {}, title),
    row,
  );
  return {
    root,
    show(images, captions = []) {
      root.hidden = images.count === 0;
      while (row.childElementCount > images.count) {
        row.lastElementChild!.remove();
      }
      while (row.childElementCount < images.count) {
        const canvas = element("canvas", { role: "img" });
        row.append(element("figure", {}, canvas, element("figcaption", { hidden: true })));
      }
      for (const [i, figure] of Array.from(row.children).entries()) {
        const [canvas, caption] = [figure.querySelector("canvas")!, figure.querySelector("figcaption")!];
        const text = captions[i] ?? "";
        paint(canvas, images, i);
        canvas.setAttribute("aria-label", text === "" ? `${title}, ${i + 1} of ${images.count}` : text);
        caption.textContent = text;
        caption.hidden = text === "";
      }
    },
    clear() {
      root.hidden = true;
      row.replaceChildren();
    },
  };
}
