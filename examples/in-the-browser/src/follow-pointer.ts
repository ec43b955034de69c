import type { Ink } from "./ink.js";

/** Half the width of a stroke, in pixels of the image; MNIST's are as wide. */
export const strokeRadius = 1.3;

/** Inks where the pointer goes over the canvas while it is held down, and calls `onInk` after each move. */
export function followPointer(canvas: HTMLCanvasElement, ink: Ink, onInk: () => void): void {
  let last: [number, number] | undefined;
  const follow = ({ offsetX, offsetY }: PointerEvent) => {
    const scale = ink.side / canvas.clientWidth;
    const here: [number, number] = [offsetX * scale, offsetY * scale];
    ink.line(last ?? here, here, strokeRadius);
    last = here;
    onInk();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = undefined;
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) {
      follow(event);
    }
  });
}
