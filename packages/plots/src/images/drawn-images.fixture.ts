import { decode } from "fast-png";

/** An image of an SVG document: where its top left corner is, what its tooltip says, and its top left pixel. */
export interface DrawnImage {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly levels: readonly number[];
}

/** The images of a document, in its order. */
export function drawnImages(svg: string): DrawnImage[] {
  const pattern = /<image x="(\d+)" y="([\d.]+)"[^>]* href="data:image\/png;base64,([^"]+)"><title>([^<]*)<\/title>/g;
  return Array.from(svg.matchAll(pattern), ([, x, y, bytes, title]) => {
    const { channels, data } = decode(Buffer.from(bytes!, "base64"));
    return { x: Number(x), y: Number(y), title: title!, levels: [...data.subarray(0, channels)] };
  });
}
