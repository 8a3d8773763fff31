// The types of the core document are those of the client.

export type * from '../../../client/src/api/types.gen';
