// Runs in jest's environment before each test file.
'use strict';

// Exercises have all tests but the first skipped, for learners to switch on one by one. Here every test runs.
for (const register of [test, describe]) {
  register.skip = register;
  register.only = register;
  Object.freeze(register);
}
const globals = {
  describe, fdescribe: describe, xdescribe: describe,
  test, it: test, fit: test, xit: test, xtest: test,
  afterAll, afterEach, beforeAll, beforeEach, expect,
};

// The tests load the solution: what they call is not for it to replace.
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: false, configurable: false });
}

// A test may leave timers behind. Where a busy machine makes them late, node runs them together with those of the next
// test that have the same length, before its shorter ones: so the next test begins when they are gone.
const LONGEST_WAIT_MS = 100;
const later = globalThis.setTimeout;
let leftMs = 0;
globalThis.setTimeout = Object.defineProperties((callback, delay, ...rest) => {
  leftMs = Math.max(leftMs, Number(delay) || 1);
  return later(callback, delay, ...rest);
}, Object.getOwnPropertyDescriptors(later));
afterEach(async () => {
  const waitMs = Math.min(leftMs, LONGEST_WAIT_MS);
  leftMs = 0;
  if (waitMs > 0) {
    await new Promise((resolve) => { later(resolve, waitMs + 1); });
  }
});
