/** What reading untrusted text gives: the value, or a sentence that says what is wrong with it. Never a throw. */
export type Result<T> = { value: T; error?: undefined } | { value?: undefined; error: string };
