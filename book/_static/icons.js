// The theme's icons arrive as <svg> elements that replace <i> elements, also those of a widget's
// play button, which then fails when it wants to change its icon. Nested inside, they leave the
// <i> where it is. Must run before the page is ready.
if (window.FontAwesome) {
  window.FontAwesome.config.autoReplaceSvg = "nest";
}
