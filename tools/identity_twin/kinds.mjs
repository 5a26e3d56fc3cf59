// How each kind of issuer behaves: its addresses, what goes into which document, how long things live.

const HOUR = 3600;
const MINUTE = 60;

/** How somebody signed in; the ID token of every issuer says it. */
const HOW = ['sub', 'acr', 'amr', 'auth_time'];

/** What Pro Santé Connect knows of a professional; only userinfo says it. */
const SECTORAL = [
  'SubjectNameID',
  'SubjectRole',
  'SubjectOrganization',
  'SubjectOrganizationID',
  'Secteur_Activite',
  'Mode_Acces_Raison',
  'Acces_Regulation_Medicale',
  'Palier_Authentification',
  'PSI_Locale',
  'UITVersion',
  'authMode',
  'otherIds',
  'SubjectRefPro',
  'email_verified',
];

const OIDC = '/protocol/openid-connect';

/** Return the discovery document as Pro Santé Connect words it: two hosts, and lists nobody should believe. */
function walletDiscovery(document, { authorization, mutualTls }) {
  const { token_endpoint: token, userinfo_endpoint: userinfo, revocation_endpoint: revocation } = document;
  return {
    ...document,
    authorization_endpoint: authorization ?? document.authorization_endpoint,
    acr_values_supported: ['0', '0'],
    scopes_supported: [...document.scopes_supported, 'eidas1', 'eidas2'],
    grant_types_supported: [...document.grant_types_supported, 'implicit', 'password'],
    code_challenge_methods_supported: ['plain', 'S256'],
    id_token_signing_alg_values_supported: ['PS256', 'HS256', 'RS256', 'ES256'],
    userinfo_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
    token_endpoint_auth_methods_supported: [
      ...['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'tls_client_auth', 'client_secret_jwt'],
    ],
    claims_supported: ['aud', 'sub', 'iss', 'auth_time', 'name', 'given_name', 'family_name', 'email', 'acr'],
    frontchannel_logout_supported: true,
    ...(mutualTls && {
      mtls_endpoint_aliases: {
        token_endpoint: token,
        userinfo_endpoint: userinfo,
        revocation_endpoint: revocation,
        introspection_endpoint: document.introspection_endpoint,
      },
    }),
  };
}

export const KINDS = {
  pro_sante_connect: {
    discoveryPath: '/.well-known/wallet-openid-configuration',
    discovery: walletDiscovery,
    routes: {
      authorization: `${OIDC}/auth`,
      token: `${OIDC}/token`,
      userinfo: `${OIDC}/userinfo`,
      jwks: `${OIDC}/certs`,
      introspection: `${OIDC}/token/introspect`,
      end_session: `${OIDC}/logout`,
      revocation: `${OIDC}/revoke`,
    },
    scopes: ['openid', 'scope_all', 'profile', 'identity', 'interop', 'referentiel', 'rpps'],
    claims: { openid: [...HOW, 'preferred_username', 'given_name', 'family_name'], scope_all: SECTORAL, iss: null, sid: null },
    acrValues: ['eidas1', 'eidas2', 'eidas3'],
    sparseIdToken: true, // who they are is in the id_token, what they are only in userinfo
    ttl: {
      AccessToken: 2 * MINUTE,
      AuthorizationCode: MINUTE,
      IdToken: 2 * MINUTE,
      RefreshToken: 30 * MINUTE,
      Session: 4 * HOUR,
      Grant: 4 * HOUR,
      Interaction: 10 * MINUTE,
    },
  },
  generic: {
    discoveryPath: undefined, // the stock one
    discovery: undefined,
    routes: {
      authorization: '/oauth2/authorize',
      token: '/oauth2/token',
      userinfo: '/oauth2/userinfo',
      jwks: '/oauth2/keys',
      introspection: '/oauth2/introspect',
      end_session: '/oauth2/logout',
      revocation: '/oauth2/revoke',
    },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: {
      openid: HOW,
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
      email: ['email', 'email_verified'],
      iss: null,
      sid: null,
    },
    acrValues: [],
    sparseIdToken: false,
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: MINUTE,
      IdToken: HOUR,
      RefreshToken: 12 * HOUR,
      Session: 12 * HOUR,
      Grant: 12 * HOUR,
      Interaction: 10 * MINUTE,
    },
  },
};
