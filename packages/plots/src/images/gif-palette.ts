import type { PixelImage } from "./pixels.js";

/** Colors that a table of a GIF holds at most. */
const maxColors = 256;
/** Groups of colors that a palette is chosen from at most; 5 bits a channel always suffice. */
const maxGroups = 32_768;
/** Colors whose index is remembered while a frame is written; a power of 2. */
const cacheSize = 65_536;
/** Rounds of k-means after the splits; later ones change the error by less than one in a hundred. */
const refinements = 4;

/** Colors as 0xRRGGBB, at most 256, sorted by the sum of their channels. */
export type Palette = readonly number[];

/**
 * Chooses the color table of each frame.
 *
 * All frames share one exact table where they have at most 256 colors together. Else a frame of at most 256 colors has an
 * exact table of its own, and all others share one, so that a color is the same in each of them.
 *
 * @returns One for each frame; frames that share a table have the same object.
 */
export function choosePalettes(frames: readonly PixelImage[]): Palette[] {
  const shared = distinctColors(frames);
  if (shared !== undefined) {
    return frames.map(() => shared);
  }
  const exact = frames.map((frame) => distinctColors([frame]));
  const beyond = frames.filter((_, i) => exact[i] === undefined);
  const chosen = beyond.length > 0 ? splitColors(groupColors(beyond)) : [];
  return exact.map((palette) => palette ?? chosen);
}

/**
 * Writes each pixel as the index of the nearest color of the palette.
 *
 * @returns `[height · width]`; yours.
 */
export function paletteIndices(frame: PixelImage, palette: Palette): Uint8Array {
  // The last color found at each place of a small table, and its index: most pixels have a color seen shortly before.
  const colors = new Int32Array(cacheSize).fill(-1);
  const found = new Uint8Array(cacheSize);
  const indices = new Uint8Array(frame.width * frame.height);
  for (let pixel = 0; pixel < indices.length; pixel++) {
    const color = colorAt(frame, pixel);
    const place = (color ^ (color >> 9)) & (cacheSize - 1);
    if (colors[place] !== color) {
      colors[place] = color;
      found[place] = nearestIndex(color, palette);
    }
    indices[pixel] = found[place]!;
  }
  return indices;
}

/** All colors; `undefined` where there are more than a table holds. */
function distinctColors(frames: readonly PixelImage[]): Palette | undefined {
  const colors = new Set<number>();
  for (const frame of frames) {
    let last = -1;
    for (let pixel = 0; pixel < frame.width * frame.height; pixel++) {
      const color = colorAt(frame, pixel);
      if (color !== last) {
        colors.add(color);
        last = color;
        if (colors.size > maxColors) {
          return undefined;
        }
      }
    }
  }
  return sorted([...colors]);
}

function colorAt({ data, channels }: PixelImage, pixel: number): number {
  return channels === 1
    ? data[pixel]! * 0x10101
    : (data[3 * pixel]! << 16) | (data[3 * pixel + 1]! << 8) | data[3 * pixel + 2]!;
}

/** Pixels of one color, or of colors with the same upper bits. */
interface ColorGroup {
  count: number;
  red: number;
  green: number;
  blue: number;
}

/** Counts colors and sums their channels; where there are too many, those that differ in their lowest bits count as one. */
function groupColors(frames: readonly PixelImage[]): ColorGroup[] {
  let groups = new Map<number, ColorGroup>();
  let mask = 0xffffff;
  const groupOf = (key: number): ColorGroup => {
    let group = groups.get(key);
    if (group === undefined) {
      group = { count: 0, red: 0, green: 0, blue: 0 };
      groups.set(key, group);
    }
    return group;
  };
  for (const frame of frames) {
    for (let pixel = 0; pixel < frame.width * frame.height; pixel++) {
      const color = colorAt(frame, pixel);
      const group = groupOf(color & mask);
      group.count++;
      group.red += color >> 16;
      group.green += (color >> 8) & 255;
      group.blue += color & 255;
      while (groups.size > maxGroups) {
        mask &= (mask << 1) & 0xfefefe;
        const finer = groups;
        groups = new Map();
        for (const [key, { count, red, green, blue }] of finer) {
          const coarser = groupOf(key & mask);
          coarser.count += count;
          coarser.red += red;
          coarser.green += green;
          coarser.blue += blue;
        }
      }
    }
  }
  return [...groups.values()];
}

const channelNames = ["red", "green", "blue"] as const;

/** A set of groups that one color stands for. */
interface Box {
  readonly groups: readonly ColorGroup[];
  readonly mean: readonly number[];
  /** Sum of squared distances to the mean, by channel. */
  readonly errors: readonly number[];
  readonly error: number;
}

/** Splits the box of the largest error at its mean until there are 256, then moves the colors to their groups' means. */
function splitColors(groups: readonly ColorGroup[]): Palette {
  const boxes = [makeBox(groups)];
  while (boxes.length < maxColors) {
    const worst = boxes.reduce((best, { error }, i) => (error > boxes[best]!.error ? i : best), 0);
    const { groups: members, mean, errors } = boxes[worst]!;
    const axis = errors.indexOf(Math.max(...errors));
    const isAbove = (group: ColorGroup) => group[channelNames[axis]!] > mean[axis]! * group.count;
    const halves = [members.filter((group) => !isAbove(group)), members.filter(isAbove)];
    if (halves.some(({ length }) => length === 0)) {
      break;
    }
    boxes.splice(worst, 1, ...halves.map(makeBox));
  }
  let colors = sorted(boxes.map(({ mean }) => packed(mean)));
  for (let round = 0; round < refinements; round++) {
    const members: ColorGroup[][] = colors.map(() => []);
    for (const group of groups) {
      const { count, red, green, blue } = group;
      members[nearestIndex(packed([red / count, green / count, blue / count]), colors)]!.push(group);
    }
    colors = sorted(colors.map((color, i) => (members[i]!.length > 0 ? packed(makeBox(members[i]!).mean) : color)));
  }
  return colors;
}

function makeBox(groups: readonly ColorGroup[]): Box {
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const mean = channelNames.map((channel) => groups.reduce((sum, group) => sum + group[channel], 0) / count);
  const errors = channelNames.map((channel, i) =>
    groups.reduce((sum, group) => sum + group.count * (group[channel] / group.count - mean[i]!) ** 2, 0),
  );
  return { groups, mean, errors, error: errors[0]! + errors[1]! + errors[2]! };
}

function packed([red, green, blue]: readonly number[]): number {
  return (Math.round(red!) << 16) | (Math.round(green!) << 8) | Math.round(blue!);
}

function sumOf(color: number): number {
  return (color >> 16) + ((color >> 8) & 255) + (color & 255);
}

function sorted(colors: readonly number[]): Palette {
  return [...colors].sort((a, b) => sumOf(a) - sumOf(b) || a - b);
}

/** Searches outward from the color's own sum; a sum that differs by d is at least d² / 3 away. */
function nearestIndex(color: number, palette: Palette): number {
  const red = color >> 16;
  const green = (color >> 8) & 255;
  const blue = color & 255;
  const sum = red + green + blue;
  let above = 0;
  for (let end = palette.length; above < end; ) {
    const middle = (above + end) >> 1;
    if (sumOf(palette[middle]!) < sum) {
      above = middle + 1;
    } else {
      end = middle;
    }
  }
  let below = above - 1;
  let nearest = 0;
  let least = Number.POSITIVE_INFINITY;
  while (below >= 0 || above < palette.length) {
    const toBelow = below >= 0 ? sum - sumOf(palette[below]!) : Number.POSITIVE_INFINITY;
    const toAbove = above < palette.length ? sumOf(palette[above]!) - sum : Number.POSITIVE_INFINITY;
    const apart = Math.min(toBelow, toAbove);
    if (apart * apart >= 3 * least) {
      break;
    }
    const i = toBelow < toAbove ? below-- : above++;
    const other = palette[i]!;
    const byRed = red - (other >> 16);
    const byGreen = green - ((other >> 8) & 255);
    const byBlue = blue - (other & 255);
    const distance = byRed * byRed + byGreen * byGreen + byBlue * byBlue;
    if (distance < least) {
      nearest = i;
      least = distance;
    }
  }
  return nearest;
}
