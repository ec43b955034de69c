import { takeDrops } from "../shell/dropped-files.js";
/**
 * Reads a picture as pixels of a size: the middle part of it that has the sides' proportion.
 *
 * @returns `[height, width, 4]`.
 * @throws an error with a sentence when the browser cannot read the file.
 */
export async function readImageFile(
  file: Blob & { readonly name?: string },
  { height, width }: { readonly height: number; readonly width: number },
): Promise<Uint8ClampedArray> {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file);
  } catch {
    throw new Error(
      `${file.name ?? "The file"} is no picture that this browser can read. Use a PNG, JPEG or WebP file.`,
    );
  }
  const scale = Math.max(width / picture.width, height / picture.height);
  const [cut, cutHeight] = [width / scale, height / scale];
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(
    picture,
    (picture.width - cut) / 2,
    (picture.height - cutHeight) / 2,
    cut,
    cutHeight,
    0,
    0,
    width,
    height,
  );
  picture.close();
  return context.getImageData(0, 0, width, height).data;
}

/** Makes an element take dropped pictures, and a button open a chooser for them. */
export function takeFiles(
  place: HTMLElement,
  input: HTMLInputElement,
  onFile: (file: File) => void | Promise<void>,
): void {
  takeDrops(place, ({ files }) => {
    const file = files[0];
    if (file !== undefined) {
      void onFile(file);
    }
  });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file !== undefined) {
      void onFile(file);
    }
  });
}
