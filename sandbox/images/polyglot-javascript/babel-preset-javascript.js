// Stands for the preset that exercises name in their babel.config.js: today's language, for the Node.js that is here.
'use strict';

module.exports = () => ({
  presets: [[require('@babel/preset-env'), { targets: { node: 'current' } }]],
});
