import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AbortedError, ConfigError, checkAttributeTable, checkImageBatch } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { avatarAttributes } from "./avatar-captions.js";
import { avatarParts } from "./avatar-parts.js";
import { type LoadAvatarsOptions, loadAvatars } from "./load-avatars.js";
import { avatarAttribution, planAvatar } from "./plan-avatar.js";

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "mmgen-avatars-"));
});
afterEach(() => rm(cacheDir, { recursive: true }));

const load = (options: LoadAvatarsOptions = {}) =>
  loadAvatars({ trainCount: 6, testCount: 3, side: 16, seed: 1, cacheDir, ...options });
const files = async () => (await readdir(cacheDir, { recursive: true })).filter((name) => name.endsWith(".gz")).sort();

describe("loadAvatars", () => {
  it("draws images with captions that say their attributes, in splits of the sizes asked for", async () => {
    const splits = await load({ validationCount: 2 });
    for (const [split, count] of Object.entries({ train: 6, validation: 2, test: 3 })) {
      const { images, captions, attributes } = splits[split as "train"];
      checkImageBatch(images);
      checkAttributeTable(attributes);
      expect(images).toMatchObject({ count, height: 16, width: 16, channels: 3, maxValue: 255 });
      expect(captions).toHaveLength(count);
      expect(avatarAttributes(captions)).toEqual(attributes);
    }
    expect(splits.source).toBe("Avatars: 6 to train, 2 to validate, 3 to test, 16 × 16, seed 1");
    expect(splits.attribution).toBe(avatarAttribution);
    expect(avatarAttribution).toContain("CC BY 4.0");
  });

  it("draws what the caption says: background and clothes at their places", async () => {
    const { train } = await load({ trainCount: 24, testCount: 0, side: 32 });
    const names = train.attributes.attributes.map(({ name }) => name);
    const hexOf = (image: number, name: string, option: string) => {
      const column = names.indexOf(name);
      const { options } = avatarParts[column]!.values[train.attributes.labels[image * names.length + column]!]!;
      const [hex] = options[option] as readonly string[];
      return [0, 2, 4].map((at) => Number.parseInt(hex!.slice(at, at + 2), 16));
    };
    for (let image = 0; image < 24; image++) {
      const pixel = (row: number, column: number) => [
        ...train.images.data.subarray(((image * 32 + row) * 32 + column) * 3).subarray(0, 3),
      ];
      // Hair does not reach the upper corner on the right, and the chest reaches the lower edge.
      expect(pixel(0, 31)).toEqual(hexOf(image, "background", "backgroundColor"));
      const clothes = hexOf(image, "clothes color", "shirtColor").join();
      const lowest = Array.from({ length: 32 }, (_, column) => pixel(31, column).join());
      expect(lowest.filter((color) => color === clothes).length).toBeGreaterThan(3);
    }
  });

  it("gives the same images for a seed, a smaller count the first of a larger one's, from the cache too", async () => {
    const first = await load();
    expect(await files()).toHaveLength(2);
    const messages: string[] = [];
    expect(await load({ onMessage: (message) => messages.push(message) })).toEqual(first);
    expect(messages).toEqual([]);
    const { train } = await load({
      trainCount: 2,
      testCount: 0,
      threads: 1,
      onMessage: (message) => messages.push(message),
    });
    expect(train.images.data).toEqual(first.train.images.data.subarray(0, 2 * 16 * 16 * 3));
    expect(messages).toEqual(["Drawing 2 avatars of 16 × 16 for the split train, 1 at a time."]);
    const other = await load({ seed: 2 });
    expect(other.train.images.data).not.toEqual(first.train.images.data);
    expect((await load({ side: 24 })).train.images.height).toBe(24);
  });

  it.each<[string, (content: Buffer) => Uint8Array]>([
    ["cut", (content) => content.subarray(0, content.length / 2)],
    ["changed", (content) => content.map((byte, i) => (i === content.length - 30 ? byte ^ 1 : byte))],
    ["empty", () => new Uint8Array(0)],
    ["too large", (content) => Buffer.concat([content, new Uint8Array(10_000)])],
  ])("draws again what is damaged in the cache: %s", async (_, damage) => {
    const whole = await load({ testCount: 0 });
    const [name] = await files();
    const path = join(cacheDir, name!);
    const content = await readFile(path);
    await writeFile(path, damage(content));
    const messages: string[] = [];
    expect(await load({ testCount: 0, onMessage: (message) => messages.push(message) })).toEqual(whole);
    expect(messages[0]).toBe(`${path} is damaged; its avatars are drawn again.`);
    expect(await readFile(path)).toEqual(content);
  });

  it("works without a cache where none can be written, and says so once", async () => {
    const blocked = join(cacheDir, "file");
    await writeFile(blocked, "");
    const messages: string[] = [];
    const options = { cacheDir: blocked, onMessage: (message: string) => void messages.push(message) };
    expect(await load(options)).toEqual(await load());
    expect(messages.filter((message) => message.startsWith("Avatars are not cached: "))).toHaveLength(1);
  });

  it("stops by its signal, and refuses other options", async () => {
    await expect(load({ signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
    await expect(load({ side: 0 })).rejects.toThrow(ConfigError);
    await expect(load({ count: 5 } as never)).rejects.toThrow(/count: there is no such field/);
    expect((await load({ trainCount: 0, testCount: 0 })).train.images.data).toHaveLength(0);
  });

  it.each(["@dicebear/core", "@dicebear/micah", "@resvg/resvg-js"])("says what to install without %s", async (name) => {
    vi.resetModules();
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`);
    });
    try {
      const fresh = await import("./load-avatars.js");
      const message = await fresh.loadAvatars({ trainCount: 1, testCount: 0, cacheDir }).then(
        () => expect.fail("loaded"),
        (error: Error) => error.message,
      );
      expect(message).toContain(`the package "${name}" could not be loaded`);
      expect(message).toMatch(/npm install @dicebear\/core@9 @dicebear\/micah@9 @resvg\/resvg-js$/);
    } finally {
      vi.doUnmock(name);
      vi.resetModules();
    }
  });
});

describe("planAvatar", () => {
  const draws = (split: "train" | "test", seed: number, count: number) =>
    Array.from({ length: count }, (_, i) => planAvatar(seed, split, i));

  it("draws each value about equally often in every split", () => {
    for (const split of ["train", "test"] as const) {
      const plans = draws(split, 3, 3000);
      for (const [i, { name, values }] of avatarParts.entries()) {
        for (const label of values.keys()) {
          const share = plans.filter(({ labels }) => labels[i] === label).length / plans.length;
          // Four standard deviations of a share of ½ among 3000.
          expect(Math.abs(share - 1 / values.length), `${name} ${label}`).toBeLessThan(0.037);
        }
      }
    }
  });

  it("gives no combination of attributes to two splits, whatever the seeds", () => {
    const combinations = (split: "train" | "test", seed: number) =>
      new Set(draws(split, seed, 3000).map(({ labels }) => labels.join()));
    const train = combinations("train", 1);
    const test = [...combinations("test", 1), ...combinations("test", 2)];
    expect(test.filter((combination) => train.has(combination))).toEqual([]);
    // Of so many that hardly any comes twice.
    expect(train.size).toBeGreaterThan(2900);
  });

  it("is a function of seed, split and number", () => {
    expect(planAvatar(5, "train", 7)).toEqual(planAvatar(5, "train", 7));
    const others = [planAvatar(6, "train", 7), planAvatar(5, "train", 8)];
    expect(others.map(({ options }) => options)).not.toContainEqual(planAvatar(5, "train", 7).options);
  });
});
