import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flat, green, imageFolderFixture, red } from "./image-folder.fixture.js";
import { listImageFolder } from "./list-image-folder.js";

const folder = imageFolderFixture();
const { put, load, failure } = folder;
const link = async (target: string, path: string) => {
  const kind = process.platform === "win32" ? "junction" : undefined;
  await symlink(join(folder.path, target), join(folder.path, path), kind);
};

describe("symbolic links in a folder of images", () => {
  it("lead to images that are captioned by the folder that the link stands in", async () => {
    const image = await flat(red);
    await put({ "images/red/1.png": image, "store/two.png": image, "store/deep/three.png": await flat(green) });
    await link("store/two.png", "images/red/2.png");
    await link("store/deep", "images/dark_green");
    const { train } = await load({ folder: join(folder.path, "images") });
    expect(train.files).toEqual(["dark_green/three.png", "red/1.png", "red/2.png"]);
    expect(train.captions).toEqual(["dark green", "red", "red"]);
  });

  it("may lead to one folder twice, to folders above the one that is read, and be that folder", async () => {
    await put({ "store/cats/1.png": "", "images/3.png": "" });
    for (const name of ["cats", "animals"]) {
      await link("store/cats", `images/${name}`);
    }
    await link("images", "to-images");
    const { images } = await listImageFolder(join(folder.path, "to-images"));
    expect(images).toEqual(["3.png", "animals/1.png", "cats/1.png"]);
    await put({ ".hidden/4.png": "" });
    await link(".hidden", "images/shown");
    await link("store/cats/1.png", "images/.not-shown.png");
    expect((await listImageFolder(join(folder.path, "images"))).images).toContain("shown/4.png");
    expect((await listImageFolder(join(folder.path, "images"))).images).toHaveLength(4);
  });

  it("that lead nowhere are named", async () => {
    await put({ "a.png": await flat(red) });
    await link("none.png", "b.png");
    expect(await failure({ captions: "none" })).toMatch(/b\.png: this symbolic link leads nowhere \(ENOENT/);
  });

  it("that lead back are named, whether to themselves or to a folder they stand in", async () => {
    await put({ "in/a.png": "", "other/b.png": "" });
    await link("in", "in/again");
    expect(await failure()).toMatch(/in\/again: this symbolic link leads back to .*in, in which it stands/);
    await put({ "x/c.png": "" });
    await link("x/self", "x/self");
    expect(await failure({ folder: join(folder.path, "x") })).toMatch(/self: this symbolic link leads nowhere \(ELOOP/);
    // One of two folders that hold a link to each other.
    await link("other", "x/other");
    await link("x", "other/x");
    expect(await failure({ folder: join(folder.path, "other") })).toContain("other/x/");
  });

  it("that multiply are stopped", async () => {
    await put({ "0/a.png": "" });
    for (let i = 1; i <= 14; i++) {
      await mkdir(join(folder.path, `${i}`));
      for (const side of ["left", "right"]) {
        await link(`${i - 1}`, `${i}/${side}`);
      }
    }
    expect(await failure({ folder: join(folder.path, "14") })).toContain(
      "at most 1000 symbolic links to folders to which others lead too",
    );
  });
});
