const { spawnSync } = require('child_process');
const { resolve } = require('path');
const { dances, nearest } = require('./bee-dance');

const file = (name) => resolve(__dirname, 'data', name);

const printed = (...names) =>
  spawnSync('node', ['bee-dance.js', ...names.map((name) => `data/${name}`)], {
    cwd: __dirname,
  }).stdout.toString();

describe('bee dance', () => {
  describe('reading', () => {
    it('finds every dance', () => {
      expect(dances(file('morning.txt'))).toEqual([
        { bearing: 140, metres: 1000 },
        { bearing: 95, metres: 300 },
        { bearing: 310, metres: 480 },
      ]);
    });

    xit('finds none where there is none', () => {
      expect(dances(file('rain.txt'))).toEqual([]);
    });

    it.skip('refuses what is no dance', () => {
      expect(() => dances(file('smudged.txt'))).toThrow('Not a dance: 400 2');
    });
  });

  xdescribe('the nearest', () => {
    describe('of several', () => {
      it('is found', () => {
        expect(nearest(file('morning.txt'))).toBe(95);
      });
    });

    describe('of none', () => {
      it('is found', () => {
        expect(nearest(file('rain.txt'))).toBeUndefined();
      });
    });

    it('is found', () => {
      expect(() => nearest(file('smudged.txt'))).toThrow();
    });

    it('is found', async () => {
      await expect(Promise.resolve(nearest(file('morning.txt')))).resolves.toBe(95);
    });
  });

  describe.skip('as a program', () => {
    test.each([
      ['morning.txt', '95\n'],
      ['rain.txt', 'undefined\n'],
    ])('prints for %s', (name, text) => {
      expect(printed(name)).toBe(text);
    });

    xtest('prints a line for each file', () => {
      expect(printed('rain.txt', 'morning.txt')).toBe('undefined\n95\n');
    });
  });
});
