// Where the page finds Darkroom, and whose photos it uploads.

/** URL of the API, without a slash at its end. */
export const api = 'http://localhost:8080';

/** The caller's token. In a shop: the token of its own login, renewed before it expires. */
export const token = async () => 'dev:anna';

/** Version of Uppy: 5 or 6. */
export const version = 6;

/** Files of more bytes than this are uploaded in parts, which continue after an interruption. 0 on bad lines. */
export const multipartFrom = 100 * 1024 * 1024;
