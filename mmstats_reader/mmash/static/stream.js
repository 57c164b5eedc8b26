// Following the server's events, through restarts of it.
//
// Rule: a stream that ended, was refused, or says nothing any more is opened again, for ever. Browsers do so in some of
// these cases and not in others, so this does it in all.

const AGAIN_MS = 2000;

/**
 * Follow a stream of JSON events.
 *
 * `patience` is how many milliseconds may pass without an event, `received` is called with each event, and `lost` when
 * the connection is lost. Returns a function that ends it.
 */
export function follow(url, patience, received, lost) {
  let source;
  let timer;

  function later(milliseconds, action) {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  }

  function fail() {
    source.close();
    later(AGAIN_MS, connect);
    lost();
  }

  function connect() {
    source = new EventSource(url);
    source.onmessage = (message) => {
      later(patience, fail);
      received(JSON.parse(message.data));
    };
    source.onerror = fail;
    later(patience, fail);
  }

  connect();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
