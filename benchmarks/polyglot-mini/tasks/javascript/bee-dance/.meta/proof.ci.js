const { readFileSync } = require('node:fs');

const METRES_PER_SECOND = 400;

const parsed = (line) => {
  const found = /^(\d+) (\d+(?:\.\d+)?)$/.exec(line);
  if (found === null || Number(found[1]) >= 360) {
    throw new Error(`Not a dance: ${line}`);
  }
  return { bearing: Number(found[1]), metres: Math.round(Number(found[2]) * METRES_PER_SECOND) };
};

const dances = (path) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parsed);

const nearest = (path) => {
  const [first] = dances(path).sort((one, other) => one.metres - other.metres);
  return first?.bearing;
};

module.exports = { dances, nearest };

if (require.main === module) {
  for (const path of process.argv.slice(2)) {
    console.log(nearest(path));
  }
}
