// Loading it teaches cronstrue the language. It has no types, and nothing to take from it.
declare module "cronstrue/locales/de";
