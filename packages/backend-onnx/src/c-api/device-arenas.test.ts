import { describe, expect, it, vi } from "vitest";
import type { Arena } from "./arena.js";
import { DeviceArenas } from "./device-arenas.js";
import type { Environment } from "./environment.js";
import { capturing, resolveProviders } from "./provider-options.js";
import { takeArenas } from "./session-options.js";

const fakeArena = (name: string) => ({ name }) as unknown as Arena;

describe("the arenas on cards", () => {
  it("are made once a card, and shared by sessions of one limit", () => {
    const arenas = new DeviceArenas();
    const first = fakeArena("card 0");
    const make = vi.fn(() => first);
    const other = vi.fn(() => fakeArena("card 1"));
    expect(arenas.of({ deviceId: 0, limit: undefined }, make)).toBe(first);
    expect(arenas.of({ deviceId: 0, limit: undefined }, make)).toBe(first);
    expect(arenas.of({ deviceId: 0, limit: 2 ** 30 }, make)).toBeUndefined();
    expect(arenas.of({ deviceId: 1, limit: 2 ** 30 }, other)).not.toBe(first);
    expect([make.mock.calls.length, other.mock.calls.length]).toEqual([1, 1]);
  });

  it("are not asked for again where ONNX Runtime has none", () => {
    const arenas = new DeviceArenas();
    const make = vi.fn(() => undefined);
    expect(arenas.of({ deviceId: 0, limit: undefined }, make)).toBeUndefined();
    expect(arenas.of({ deviceId: 0, limit: undefined }, make)).toBeUndefined();
    expect(make).toHaveBeenCalledTimes(1);
  });
});

describe("a session shares", () => {
  const [host, card] = [fakeArena("host"), fakeArena("card")];
  const [cuda] = resolveProviders(["cuda"]);
  const environment = (made: Arena | undefined, arena: Arena | undefined = host) => {
    const deviceArenas = new DeviceArenas();
    deviceArenas.of({ deviceId: 0, limit: undefined }, () => made);
    return { arena, deviceArenas } as Environment;
  };

  it("the arenas of all its devices", () => {
    expect(takeArenas(environment(card), [])).toEqual([host]);
    expect(takeArenas(environment(card), resolveProviders(["webgpu"]))).toEqual([host]);
    expect(takeArenas(environment(card), [cuda!])).toEqual([host, card]);
  });

  it("nothing where it is captured, or one of them is not there", () => {
    expect(takeArenas(environment(card), [capturing(cuda!)])).toEqual([]);
    expect(takeArenas(environment(undefined), [cuda!])).toEqual([]);
    expect(takeArenas({ ...environment(card), arena: undefined }, [cuda!])).toEqual([]);
    const limited = resolveProviders([{ name: "cuda", memoryLimit: 2 ** 30 }]);
    expect(takeArenas(environment(card), limited)).toEqual([]);
  });
});
