import { ConfigError, soleProcess } from "@mmgen/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endWithMpi, joinMpi, runWithMpi } from "./run-with-mpi.js";

// With other processes: test/mpi.

const variables = ["OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "MMGEN_MPI_LIBRARY"];

beforeEach(() => {
  for (const name of variables) {
    vi.stubEnv(name, undefined);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

describe("joinMpi", () => {
  it("is alone where no launcher started the process, and looks for no library", async () => {
    vi.stubEnv("MMGEN_MPI_LIBRARY", "nowhere.so");
    expect(await joinMpi()).toBe(soleProcess);
  });

  it("says what is missing", async () => {
    vi.stubEnv("PMI_RANK", "0");
    vi.stubEnv("MMGEN_MPI_LIBRARY", "nowhere.so");
    await expect(joinMpi()).rejects.toThrow(/no MPI library loads \(nowhere\.so\).*apt-get install openmpi-bin/);
  });

  it.runIf(process.platform === "linux")("refuses a library of something else", async () => {
    vi.stubEnv("PMIX_RANK", "0");
    await expect(joinMpi({ library: "libm.so.6" })).rejects.toThrow(/got "libm\.so\.6".* no MPI_Init_thread/);
    await expect(joinMpi({ libary: "a" } as never)).rejects.toThrow(ConfigError);
  });
});

describe("runWithMpi", () => {
  const written = () => vi.spyOn(process.stderr, "write").mockReturnValue(true);

  it("runs a program that is alone, and stops it at a signal", async () => {
    const listeners = process.listenerCount("SIGTERM");
    let seen: unknown;
    await runWithMpi(async ({ group, signal }) => {
      const before = signal.aborted;
      process.emit("SIGTERM", "SIGTERM");
      seen = [group.size, before, signal.aborted, signal.reason];
    });
    expect(seen).toEqual([1, false, true, "SIGTERM"]);
    expect(process.exitCode).toBeUndefined();
    expect(process.listenerCount("SIGTERM")).toBe(listeners);
  });

  it("tells an error of ours in one line, and of others where it was", async () => {
    const write = written();
    await runWithMpi(() => Promise.reject(new ConfigError("width: expected 8,\ngot 7.")));
    expect([write.mock.calls, process.exitCode]).toEqual([[["ConfigError: width: expected 8, got 7.\n"]], 1]);
    await runWithMpi(() => Promise.reject(new TypeError("no function")));
    expect(write.mock.lastCall![0]).toMatch(/^TypeError: no function\n\s+at /);
    await endWithMpi(soleProcess, { error: "no error" }, () => 3);
    expect(process.exitCode).toBe(3);
  });
});
