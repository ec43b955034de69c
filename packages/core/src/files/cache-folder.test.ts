import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { cacheFolder } from "./cache-folder.js";

afterEach(() => vi.unstubAllEnvs());

it("is the option, the environment's, or the platform's", () => {
  vi.stubEnv("MMGEN_CACHE_DIR", "/somewhere");
  expect(cacheFolder("here")).toBe("here");
  expect(cacheFolder(undefined)).toBe("/somewhere");
  vi.stubEnv("MMGEN_CACHE_DIR", "");
  vi.stubEnv("XDG_CACHE_HOME", "/xdg");
  expect(cacheFolder(undefined)).toBe(join("/xdg", "mmgen"));
  vi.stubEnv("XDG_CACHE_HOME", "");
  vi.stubEnv("LOCALAPPDATA", "/local");
  const platform = vi.spyOn(process, "platform", "get");
  for (const [name, folder] of [
    ["linux", join(homedir(), ".cache")],
    ["darwin", join(homedir(), "Library", "Caches")],
    ["win32", "/local"],
  ] as const) {
    platform.mockReturnValue(name);
    expect(cacheFolder(undefined)).toBe(join(folder, "mmgen"));
  }
  platform.mockRestore();
});
