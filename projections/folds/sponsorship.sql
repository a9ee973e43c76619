-- Prizes that sponsors added.

INSERT INTO sponsorship (
    season_key, block_number, log_index, kind, sponsor, token, amount, block_time, tx_hash
)
SELECT
    season.season_key,
    given.block_number,
    given.log_index,
    given.kind,
    given.sponsor,
    given.token,
    given.amount,
    given.block_time,
    given.tx_hash
FROM (
    SELECT chain_id, contract, season_id, block_number, log_index, block_time, tx_hash,
        'ERC20' AS kind, sponsor, token, amount
    FROM batch.erc20_sponsored
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, block_time, tx_hash,
        'ERC721', sponsor, token, token_id
    FROM batch.erc721_sponsored
) AS given
INNER JOIN contract
    ON contract.chain_id = given.chain_id AND contract.address = given.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = given.season_id;
