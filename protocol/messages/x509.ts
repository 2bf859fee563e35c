// Certificates for both ends. The library wants a metadata polyfill that must be loaded before it; importing
// it only from here keeps that order in one place. Uses node's own Web Crypto.
import 'reflect-metadata';

export * from '@peculiar/x509';
