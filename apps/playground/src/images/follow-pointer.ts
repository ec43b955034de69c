/** A point on a canvas, in its own pixels from the upper left corner. */
export type Point = readonly [number, number];

/**
 * Follows a pointer over a canvas while it is held down; with the keyboard, arrow keys move a point and the space bar marks
 * it, without letting go along the way.
 *
 * @param onMove - Where the pointer went; both points are the same where it was put down.
 */
export function followPointer(canvas: HTMLCanvasElement, onMove: (from: Point, to: Point) => void): void {
  let last: Point | undefined;
  const go = (to: Point) => {
    onMove(last ?? to, to);
    last = to;
  };
  const pointOf = ({ offsetX, offsetY }: PointerEvent): Point => [
    (offsetX * canvas.width) / canvas.clientWidth,
    (offsetY * canvas.height) / canvas.clientHeight,
  ];
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = undefined;
    go(pointOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) {
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        go(pointOf(each));
      }
      go(pointOf(event));
    }
  });

  let at: Point = [0.5, 0.5];
  const steps: Readonly<Record<string, Point>> = {
    ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },
  };
  canvas.addEventListener("focus", () => {
    at = [Math.floor(canvas.width / 2) + 0.5, Math.floor(canvas.height / 2) + 0.5];
  });
  canvas.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (event.key !== " " && step === undefined) {
      return;
    }
    event.preventDefault();
    const from = at;
    if (step !== undefined) {
      const inside = (value: number, size: number) => Math.max(0.5, Math.min(size - 0.5, value));
      at = [inside(at[0] + step[0], canvas.width), inside(at[1] + step[1], canvas.height)];
    }
    // With shift, the arrows draw as they go.
    if (event.key === " " || event.shiftKey) {
      onMove(from, at);
    }
    canvas.dataset.at = `${Math.floor(at[0])}, ${Math.floor(at[1])}`;
  });
}
