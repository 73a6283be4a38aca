// The portal's only script of its own: copy buttons, "/" to search, and the one policy by which htmx may put the server's
// answers into a page. Everything works without it; text is only ever written as text.
'use strict';
(() => {
  if (window.trustedTypes && trustedTypes.createPolicy) {
    // What passes here came from this server, rendered there by templates that escape, and was asked for by the page itself.
    trustedTypes.createPolicy('default', {
      createHTML: (html) => html,
      createScriptURL: () => null,
      createScript: () => null,
    });
  }
  document.addEventListener('click', async (event) => {
    const button = event.target instanceof Element && event.target.closest('[data-copy]');
    const code = button && button.parentElement.querySelector('code');
    if (!code) return;
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = 'Marked';
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]')) return;
    const search = document.querySelector('#find, #q');
    if (!search || !search.offsetParent) return;
    event.preventDefault();
    search.focus();
  });
})();
