-- Smart accounts and the wallets that own them.

INSERT INTO account (chain_id, account, owner, block_number)
SELECT DISTINCT ON (created.chain_id, created.account)
    created.chain_id,
    created.account,
    created.owner,
    created.block_number
FROM batch.account_created AS created
ORDER BY created.chain_id, created.account, created.position DESC
ON CONFLICT (chain_id, account) DO UPDATE
SET
    owner = excluded.owner,
    block_number = excluded.block_number;
