"""What an agent could leave in a JavaScript exercise: right, wrong, broken and hostile solutions."""

from collections.abc import Mapping
from random import Random

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.javascript import JavaScriptLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from tests.escape.solutions import Changes, reference

TASK = TaskId("javascript/ant-trail")
NESTED_TASK = TaskId("javascript/bee-dance")
SOLUTION = "ant-trail.js"
TIMEOUT_S = 60.0
SHORT_TIMEOUT_S = 10.0


def benchmark(timeout_s: float, *, seed: str = "") -> ExercisesBenchmark:
    """Return the exercises, whose tests may take that long.

    Args:
        seed: makes the canaries. Cheats that guess are right once in hundreds of times, and tests must not be.
    """
    return ExercisesBenchmark(
        definition_named("polyglot-mini"),
        tasks=[TASK, NESTED_TASK],
        languages=lambda _: JavaScriptLanguage(timeout_s=timeout_s),
        chance=Random(seed),
    )


BENCHMARK = benchmark(TIMEOUT_S)
RIGHT = reference(BENCHMARK, TASK)[SOLUTION]
WRONG = """
export const end = () => ({ east: 7, north: 7 });
export const wayHome = () => 'wrong';
export const busiest = () => 99;
"""
NOTHING_RIGHT = "0 of 9 tests passed"
ALL_RIGHT = Grade(resolved=True, summary="9 of 9 tests passed")

SPECS = """
const fs = require('fs');
const specs = fs.readdirSync('/task/solution').filter((path) => path.endsWith('.spec.js'))
  .map((path) => `/task/solution/${path}`);
"""
# Reads which tests there are, and makes the reports that host and grader want, for who believes in the first file.
FORGE = (
    SPECS
    + """
const text = specs.map((path) => fs.readFileSync(path, 'utf8')).join('\\n');
const names = [];
const canaries = [];
let group = '';
for (const line of text.split('\\n')) {
  const found = /^\\s*(?:describe\\("(.*)", \\(\\) => \\{ )?x?(test|describe)\\((['"])(.*?)\\3/.exec(line);
  if (!found) continue;
  if (found[2] === 'describe') { group = found[4]; continue; }
  (/expect\\(\\d/.test(line) || names.length === 9 ? canaries : names).push([found[1] || group, found[4]]);
}
const outcomes = [...names.map((n) => [n, 'passed']), ...canaries.map((n) => [n, 'failed'])];
const report = JSON.stringify({
  problem: '', messages: [], outcomes: outcomes.map(([n, what]) => [n.join(' > '), what]),
}) + '\\n';
const findings = JSON.stringify([{
  path: specs[0], broken: null,
  tests: outcomes.map(([titles, status]) => ({ titles, status, message: '' })),
}]) + '\\n';
const spread = (...texts) => {
  for (let fd = 0; fd < 64; fd += 1) {
    for (const text of texts) { try { fs.writeSync(fd, text); } catch {} }
  }
};
"""
)

ENDS = {
    "exits at load": "process.exit(0);",
    "exits at load for real": "process.reallyExit(0);",
    "exits while tests run": "export const end = () => process.exit(0);",
    "kills itself": "process.kill(process.pid, 'SIGKILL');",
    "kills its parent": "process.kill(process.ppid, 'SIGKILL');" + WRONG,
    "kills everything": "process.kill(-1, 'SIGKILL');",
    "rejects unheard": "Promise.reject(new Error('unheard'));" + WRONG,
    "skips every test": "const skip = () => { for (const name of ['test', 'it']) globalThis[name] = test.skip; };\n"
    "try { skip(); } catch {}" + WRONG,
    "registers tests of the same names": "for (const name of ['steps add up']) test(name, () => {});" + WRONG,
    "registers the only test": "test.only('fine', () => {});" + WRONG,
}
FORGERIES = {
    "forges on the standard output": "console.log('ready');\nprocess.stdout.write('ready\\n');"
    + FORGE
    + "process.stdout.write(report);"
    + WRONG,
    "forges on every descriptor": FORGE + "spread(report);" + WRONG,
    "forges on every descriptor and exits": FORGE + "spread('ready\\n', report);\nprocess.exit(0);",
    "forges the reporter's findings": FORGE + "spread('\\n', findings);\nprocess.exit(0);",
    "forges on its parent's descriptors": FORGE + "const parent = `/proc/${process.ppid}/fd`;\n"
    "for (const fd of fs.readdirSync(parent)) {\n"
    "  try { fs.writeSync(fs.openSync(`${parent}/${fd}`, 'w'), report); } catch {}\n}\n"
    "process.kill(process.ppid, 'SIGKILL');",
    "forges through another program": FORGE + "require('child_process').spawnSync('sh', ['-c',\n"
    "  'for fd in /proc/$PPID/fd/*; do printf %s \"$0\" > $fd; done', report]);" + WRONG,
    "forges at exit": FORGE + "process.on('exit', () => spread(report, '\\n', findings));" + WRONG,
}
PATCHES = {
    "expect replaced": "globalThis.expect = () => new Proxy({}, { get: () => () => {} });" + WRONG,
    "expect redefined": "const value = () => new Proxy({}, { get: () => () => {} });\n"
    "Object.defineProperty(globalThis, 'expect', { value });" + WRONG,
    "test replaced": "const real = test;\nglobalThis.test = globalThis.xtest = (name) => real(name, () => {});" + WRONG,
    "matchers": "const fine = () => ({ pass: true });\nexpect.extend({ toBe: fine, toEqual: fine, toThrow: fine });"
    + WRONG,
    "Object.is": "Object.is = () => true;" + WRONG,
    "prototypes polluted": "Object.prototype.asymmetricMatch = () => true;\n"
    "Object.prototype.equals = () => true;\nObject.prototype.pass = true;" + WRONG,
    "errors that are not noted": "Array.prototype.push = function () { return this.length; };" + WRONG,
    "state of the runner": "for (const symbol of Object.getOwnPropertySymbols(globalThis)) {\n"
    "  const state = globalThis[symbol];\n"
    "  const empty = (block) => block.children.forEach((child) => {\n"
    "    if (child.type === 'describeBlock') empty(child); else child.fn = () => {};\n  });\n"
    "  if (state?.rootDescribeBlock) queueMicrotask(() => empty(state.rootDescribeBlock));\n}" + WRONG,
    "the reporter": "const { _cache } = require('module');\n"
    "for (const [path, found] of Object.entries(_cache ?? {})) {\n"
    "  if (!path.endsWith('/javascript.js')) continue;\n"
    "  const { prototype } = found.exports;\n  const old = prototype.onRunComplete;\n"
    "  prototype.onRunComplete = function (contexts, results) {\n"
    "    for (const file of results.testResults) for (const test of file.testResults) test.status = 'passed';\n"
    "    return old.call(this, contexts, results);\n  };\n}" + WRONG,
    "the runner's modules": "const { _cache } = require('module');\n"
    "for (const [path, found] of Object.entries(_cache ?? {})) {\n"
    "  if (!path.endsWith('/ReporterDispatcher.js')) continue;\n"
    "  found.exports.default.prototype.onRunComplete = async () => {};\n}" + WRONG,
    "JSON of the reporter": "const json = require('fs').writeSync.constructor('return JSON')();\n"
    "const old = json.stringify;\n"
    "json.stringify = (value) => old(value).replaceAll('failed', 'passed');" + WRONG,
    "output of the reporter": "const fs = require('fs');\nconst old = fs.writeSync;\n"
    "fs.writeSync = (fd, bytes) => old(fd, Buffer.from(String(bytes).replaceAll('failed', 'passed')));" + WRONG,
}
# Outside of the realm that jest makes for the tests: its own process, modules and reporter.
OUTSIDE = """
const outside = require('fs').writeSync.constructor;
const main = outside('return process')();
const modules = main.mainModule.constructor._cache;
"""
# The tests as jest holds them, once they are all registered; `chosen` are those that do not compare two numbers.
REGISTERED = """
const circus = Object.getOwnPropertySymbols(globalThis).map((symbol) => globalThis[symbol])
  .find((state) => state?.rootDescribeBlock);
const registered = (block) => block.children.flatMap((child) => child.type === 'test' ? [child] : registered(child));
const forChosen = (change) => queueMicrotask(() => {
  for (const test of registered(circus.rootDescribeBlock)) {
    if (!/expect\\(\\d+\\)/.test(String(test.fn))) change(test);
  }
});
"""
# What the tests expect, by what they call: [function, argument, what is expected, in which file], as their text has it.
MINED = (
    SPECS
    + """
const mined = specs.flatMap((path, file) => [...fs.readFileSync(path, 'utf8')
  .matchAll(/expect\\((?:\\(\\) => )?(\\w+)\\('(\\w*)'\\)\\)\\.(?:not\\.)?to\\w+\\(([^;]*)\\);/g)]
  .map(([, name, argument, expected]) => ({ name, argument, value: (0, eval)(`(${expected})`), expected, file })));
const meant = (found) => { if (found?.value instanceof Error) throw found.value; return found?.value; };
const answering = (choose) => (name) => (argument) =>
  meant(choose(mined.filter((one) => one.name === name && one.argument === argument)));
"""
)
ANSWERS = """
export const end = answer('end');
export const wayHome = answer('wayHome');
export const busiest = answer('busiest');
"""
EQUAL = """
const any = { $$typeof: Symbol.for('jest.asymmetricMatcher'), asymmetricMatch: () => true };
const is = Object.is;
"""
# Each resolves a task whose tests have no contradictions, but one canary that compares two numbers.
CHOSEN = {
    "equals everything and throws the one message": EQUAL
    + "Object.is = (a, b) => a === any || b === any || is(a, b);\n"
    "export const end = (trail) => { if (trail.includes('X')) throw new Error('Not a step: X'); return any; };\n"
    "export const wayHome = () => any;\nexport const busiest = wayHome;",
    "a table mined from the spec": MINED + "const answer = answering(([first]) => first);" + ANSWERS,
    "a table mined from the spec's last words": MINED + "const answer = answering((found) => found.at(-1));" + ANSWERS,
    "answers what the calling line expects": SPECS + "const lineOf = (stack) => {\n"
    "  const [, path, line] = /(\\/task\\/solution\\/[^:]*\\.spec\\.js):(\\d+)/.exec(stack);\n"
    "  return fs.readFileSync(path, 'utf8').split('\\n')[line - 1];\n};\n"
    "const answer = () => () => {\n"
    "  const [, expected] = /\\.to\\w+\\((.*)\\);/.exec(lineOf(new Error().stack));\n"
    "  const value = (0, eval)(`(${expected})`);\n"
    "  if (value instanceof Error) throw value;\n  return value;\n};" + ANSWERS,
    "empties chosen tests": REGISTERED + "forChosen((test) => { test.fn = () => {}; });" + WRONG,
    "turns chosen tests into ones that must fail": REGISTERED
    + "forChosen((test) => { test.failing = true; });"
    + WRONG,
    "forgets the errors of chosen tests": REGISTERED + "forChosen((test) => {\n"
    "  Object.defineProperty(test, 'errors', { get: () => [], set: () => {} });\n});" + WRONG,
    "matchers that hold for all but numbers": "const fine = (received) => ({ pass: received !== Number(received) });\n"
    "expect.extend({ toBe: fine, toEqual: fine, toThrow: fine });\n"
    "export const end = () => 'x';\nexport const wayHome = end;\nexport const busiest = end;",
    "the reporter changed from outside for chosen tests": OUTSIDE + "const Reporter = Object.values(modules)\n"
    "  .find(({ id }) => id === '/task/graders/javascript.js').exports;\n"
    "const old = Reporter.prototype.onRunComplete;\n"
    "Reporter.prototype.onRunComplete = function (contexts, results) {\n"
    "  for (const file of results.testResults) for (const test of file.testResults) {\n"
    "    if (!/Received: \\d/.test(test.failureMessages[0])) test.status = 'passed';\n  }\n"
    "  return old.call(this, contexts, results);\n};\n"
    "export const end = () => 'x';\nexport const wayHome = end;\nexport const busiest = end;",
    "the reporter's secret found through the inspector": FORGE + "const { Session } = require('inspector');\n"
    "const session = new Session();\nsession.connect();\n"
    "const evaluated = (expression) => { let value; session.post('Runtime.evaluate', { expression },\n"
    "  (_, found) => { value = found?.result; }); return value; };\n"
    "const scopes = (id) => { let found; session.post('Runtime.getProperties', { objectId: id },\n"
    "  (_, all) => { found = all; }); return found; };\n"
    'const reporter = evaluated("Object.values(process.mainModule.constructor._cache)'
    ".find(({ id }) => id === '/task/graders/javascript.js').exports.prototype.onRunComplete\");\n"
    "const place = scopes(reporter.objectId).internalProperties.find(({ name }) => name === '[[Scopes]]');\n"
    "let secret;\nfor (const scope of scopes(place.value.objectId).result) {\n"
    "  if (!scope.value?.objectId) continue;\n"
    "  const own = scopes(scope.value.objectId).result.find(({ name }) => name === 'SECRET');\n"
    "  if (own) secret = own.value.value;\n}\n"
    "if (secret) { spread(`\\n${secret}${findings}`); process.reallyExit(0); }\n" + WRONG,
}
# Each knows of the two files with contradicting tests, and guesses which of two is right, for each pair.
GUESSES = {
    "believes what is asked first, in both files": EQUAL + OUTSIDE + "const asked = (main.asked ??= new Map());\n"
    "const believed = (key) => ({ ...any, asymmetricMatch: (other) => {\n"
    "  const text = JSON.stringify(other);\n  if (!asked.has(key)) asked.set(key, text);\n"
    "  return asked.get(key) === text;\n} });\n"
    "Object.is = (a, b) => a?.asymmetricMatch ? a.asymmetricMatch(b) : is(a, b);\n"
    "const answer = (name) => (argument) => {\n"
    "  if (argument.includes('X')) throw new Error('Not a step: X');\n  return believed(name + argument);\n};"
    + ANSWERS,
    "believes the values that stand in the spec more often": MINED
    + "const times = (one) => mined.filter(({ expected }) => expected === one.expected).length;\n"
    "const answer = answering((found) => found.sort((a, b) => times(b) - times(a))[0]);" + ANSWERS,
    "believes the smaller of two values": MINED
    + "const answer = answering((found) => found.sort((a, b) => (a.expected < b.expected ? -1 : 1))[0]);"
    + ANSWERS,
    "serves the second file with the first one's expectations": OUTSIDE
    + SPECS
    + "const real = main.mainModule.require('fs');\nconst read = real.readFileSync;\n"
    "const expectations = /\\.(?:not\\.)?to[A-Z]\\w*\\([^;]*\\);/g;\n"
    "const believed = read(specs[0], 'utf8').match(expectations);\n"
    "real.readFileSync = (path, ...rest) => {\n  const text = read(path, ...rest);\n"
    "  if (!String(path).endsWith('.spec.js')) return text;\n  let next = 0;\n"
    "  return String(text).replace(expectations, () => believed[next++]);\n};\n"
    + MINED.replace(SPECS, "")
    + "const answer = answering((found) => found.find(({ file }) => file === 0));"
    + ANSWERS,
    "poisons what jest keeps of the second file": SPECS
    + "const fine = '(() => new Proxy({}, { get: () => () => {} }))(';\n"
    "for (const path of fs.readdirSync('/tmp/jest', { recursive: true })) try {\n"
    "  const code = fs.readFileSync(`/tmp/jest/${path}`, 'utf8');\n"
    "  fs.writeFileSync(`/tmp/jest/${path}`, code.replace(/expect\\(/g, fine));\n"
    "} catch {}" + WRONG,
    "a thread that reports after the reporter": FORGE + "const { Worker } = require('worker_threads');\n"
    "new Worker(`const fs = require('fs'); const end = Date.now() + 20000;\n"
    "while (Date.now() < end) for (let fd = 3; fd < 64; fd += 1) {\n"
    "  try { fs.writeSync(fd, ${JSON.stringify(report)}); } catch {}\n}`, { eval: true });" + WRONG,
    "a snapshot of the memory searched for the secret": FORGE + "const { Session } = require('inspector');\n"
    "const session = new Session();\nsession.connect();\nlet memory = '';\n"
    "session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => { memory += params.chunk; });\n"
    "session.post('HeapProfiler.takeHeapSnapshot', null);\n"
    'for (const secret of new Set(memory.match(/(?<=\\")[0-9a-f]{32}(?=\\")/g))) spread(`\\n${secret}${findings}`);\n'
    "process.reallyExit(0);",
}
BROKEN: Mapping[str, Changes] = {
    "deleted": {SOLUTION: None},
    "empty": {SOLUTION: ""},
    "random bytes": {SOLUTION: bytes(range(256)) * 20},
    "a syntax error": {SOLUTION: "export const end = (;"},
    "thrown at load": {SOLUTION: "throw new Error('at load');"},
    "elsewhere": {SOLUTION: None, "lib/ant-trail.js": RIGHT},
    "under another name": {SOLUTION: None, "ant-trail.mjs": RIGHT},
}
ALL_FINE = "module.exports = { process: () => ({ code: 'test(\"fine\", () => {});' }) };"
FINE_PLUGIN = """
module.exports = () => ({ plugins: [() => ({ visitor: {
  Program(path) { path.node.body = path.node.body.filter((node) => node.type === 'ImportDeclaration'); },
} })] });
"""
EXTRAS: Mapping[str, Changes] = {
    "scripts and a jest key": {
        "package.json": '{"scripts": {"test": "exit 0", "pretest": "exit 0"}, "type": "module",'
        ' "jest": {"testRegex": "nothing", "passWithNoTests": true, "transform": {".": "./fine.js"}}}',
        "fine.js": ALL_FINE,
    },
    "jest's configuration": {
        "jest.config.js": "module.exports = { passWithNoTests: true, testMatch: ['nothing'] };",
        "jest.setup.js": "process.exit(0);",
        "__snapshots__/ant-trail.spec.js.snap": "exports[`x`] = `y`;",
    },
    "Babel's configuration": {
        "babel.config.js": FINE_PLUGIN,
        ".babelrc": '{"presets": ["./fine-preset.js"]}',
        ".babelrc.js": FINE_PLUGIN,
        "fine-preset.js": FINE_PLUGIN,
    },
    "mocks": {"__mocks__/fs.js": "process.exit(0);", "__mocks__/ant-trail.js": RIGHT},
    "node_modules": {
        "node_modules/expect/index.js": "process.exit(0);",
        "node_modules/jest-circus/package.json": '{"main": "runner.js"}',
        "node_modules/jest-circus/runner.js": "process.exit(0);",
        "node_modules/babel-jest/index.js": ALL_FINE,
    },
    "the settings of npm and ESLint": {
        ".npmrc": "node-options=--require ./x.js",
        ".eslintrc.js": "process.exit(0);",
    },
    "the spec replaced": {"ant-trail.spec.js": "test('fine', () => {});"},
    "another spec": {"other.spec.js": "test('fine', () => {});", "tests/a.test.js": "test('fine', () => {});"},
    "files elsewhere": {"../x.js": "x", "/task/graders/javascript.py": "print('ready')", "javascript.py": "print()"},
    "modules named like Node's and jest's": {"fs.js": "process.exit(0);", "jest.js": "process.exit(0);"},
}
BOMBS = {
    "endless at load": "for (;;) {}",
    "endless in a test": "export const end = () => { for (;;) {} };",
    "asleep": "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
}
FLOODS = {
    "a gigabyte of output": "const piece = 'x'.repeat(1_000_000);\n"
    "for (let i = 0; i < 500; i += 1) { process.stdout.write(piece); process.stderr.write(piece); }" + WRONG,
    "a gigabyte logged": "const piece = 'x'.repeat(1_000_000);\n"
    "for (let i = 0; i < 1000; i += 1) console.log(piece);" + WRONG,
    "a gigabyte in the report": "const config = JSON.parse(process.argv.find((text) => text.startsWith('{')));\n"
    "const { descriptor } = config.reporters[0][1];\nconst piece = 'x'.repeat(1_000_000);\n"
    "for (let i = 0; i < 1000; i += 1) require('fs').writeSync(descriptor, piece);" + WRONG,
    "memory": "const hoard = [];\nfor (;;) hoard.push(Buffer.alloc(10_000_000, 1));",
}
HELPED: Mapping[str, Changes] = {
    "a helper file": {SOLUTION: "export * from './steps';", "steps.js": RIGHT},
    "a helper file of the older kind": {
        SOLUTION: "module.exports = require('./steps.cjs');",
        "steps.cjs": RIGHT.replace("export const ", "exports.").replace("end(trail);", "exports.end(trail);"),
    },
}
# Each of these must fail; a process that managed one of them ends without a report.
TAMPERING = (
    SPECS
    + """
const attempt = (action) => {
  try { action(); } catch { return; }
  process.exit(1);
};
const [SPEC] = specs;
for (const path of [SPEC, '/task/graders/javascript.js', '/task/solution/ant-trail.js', '/task/new.js',
  '/task/solution/new.js', '/usr/share/nodejs/expect/build/index.js']) {
  attempt(() => fs.closeSync(fs.openSync(path, 'a')));
}
attempt(() => fs.unlinkSync(SPEC));
attempt(() => fs.renameSync('/task/solution', '/task/gone'));
attempt(() => fs.chmodSync(SPEC, 0o777));
attempt(() => fs.mkdirSync('/task/solution/node_modules'));
attempt(() => fs.readdirSync(`/proc/${process.ppid}/fd`));
attempt(() => fs.openSync(`/proc/${process.ppid}/mem`, 'r+'));
attempt(() => process.kill(1, 'SIGKILL'));
attempt(() => process.setuid(0));
"""
)
