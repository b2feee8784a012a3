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
