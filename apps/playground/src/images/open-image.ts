import type { ImageBatch } from "@mmgen/core";
import { element } from "../shell/element.js";
import type { Page } from "../shell/tab.js";
import { imageCanvas } from "./image-canvas.js";

/** Shows an image large, with what can be done with it. */
export function openImage(page: Page, image: ImageBatch, caption: string): void {
  const canvas = imageCanvas(image, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", caption === "" ? "The image" : caption);
  const goTo = (tab: string, label: string) =>
    element(
      "button",
      {
        type: "button",
        click: () => {
          dialog.close();
          page.open(tab, image);
        },
      },
      label,
    );
  const dialog: HTMLDialogElement = element(
    "dialog",
    { class: "image-dialog", "aria-label": "Image", close: () => dialog.remove() },
    canvas,
    element("p", { class: "dialog-caption" }, caption),
    element(
      "div",
      { class: "row" },
      goTo("describe", "Describe"),
      goTo("complete", "Complete"),
      goTo("inspect", "Look inside"),
      element("button", { type: "button", click: () => savePng(image, caption) }, "Save as PNG"),
      element("button", { type: "button", class: "quiet", click: () => dialog.close() }, "Close"),
    ),
  );
  dialog.addEventListener("click", (event) => {
    // A click beside the dialog's content is one on the dialog itself.
    if (event.target === dialog) {
      dialog.close();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Pixels that a saved image has at least along its shorter side; small ones are enlarged by whole factors. */
const savedSide = 256;

function savePng(image: ImageBatch, caption: string): void {
  const factor = Math.max(1, Math.round(savedSide / Math.min(image.height, image.width)));
  const canvas = element("canvas", { width: image.width * factor, height: image.height * factor });
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  context.drawImage(imageCanvas(image, 0), 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    const name = `${caption.replaceAll(/[^\p{L}\p{N}]+/gu, "-") || "image"}.png`;
    const url = URL.createObjectURL(blob!);
    element("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  });
}
