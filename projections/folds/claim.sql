-- Prizes that were claimed. A consolation prize whose deposit into the rollover escrow stands
-- before it in the same transaction was rolled over: nothing reached the wallet.

INSERT INTO claim (
    season_key, block_number, log_index, player, kind, token, amount, rolled_over, tx_hash,
    block_time
)
SELECT
    season.season_key,
    claimed.block_number,
    claimed.log_index,
    claimed.player,
    claimed.kind,
    claimed.token,
    claimed.amount,
    claimed.rolled_over,
    claimed.tx_hash,
    claimed.block_time
FROM (
    SELECT chain_id, contract, season_id, block_number, log_index, tx_hash, block_time,
        winner AS player, 'GRAND' AS kind, NULL AS token, amount, FALSE AS rolled_over
    FROM batch.grand_claimed
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, tx_hash, block_time,
        account, 'CONSOLATION', NULL, amount,
        EXISTS (
            SELECT FROM (
                SELECT chain_id, tx_hash, block_number, log_index, user_address, season_id
                FROM batch.rollover_deposit
                UNION ALL
                SELECT chain_id, tx_hash, block_number, log_index, user_address, season_id
                FROM batch.earlier_rollover_deposit
            ) AS deposit
            WHERE
                deposit.chain_id = consolation.chain_id
                AND deposit.tx_hash = consolation.tx_hash
                AND deposit.block_number = consolation.block_number
                AND deposit.log_index < consolation.log_index
                AND deposit.user_address = consolation.account
                AND deposit.season_id = consolation.season_id
        )
    FROM batch.consolation_claimed AS consolation
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, tx_hash, block_time,
        winner, 'SPONSORED_ERC20', token, amount, FALSE
    FROM batch.sponsored_erc20_claimed
    UNION ALL
    SELECT chain_id, contract, season_id, block_number, log_index, tx_hash, block_time,
        winner, 'SPONSORED_ERC721', token, token_id, FALSE
    FROM batch.sponsored_erc721_claimed
) AS claimed
INNER JOIN contract
    ON contract.chain_id = claimed.chain_id AND contract.address = claimed.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = claimed.season_id;

-- The deposit may come after the claim, where the escrow was added to the configuration later.
UPDATE claim
SET rolled_over = TRUE
FROM batch.late_rollover_deposit AS deposit
INNER JOIN contract
    ON contract.chain_id = deposit.chain_id AND contract.address = deposit.contract
INNER JOIN season
    ON season.deployment = contract.deployment AND season.season_id = deposit.season_id
WHERE
    claim.season_key = season.season_key
    AND claim.block_number = deposit.block_number
    AND claim.tx_hash = deposit.tx_hash
    AND claim.log_index > deposit.log_index
    AND claim.player = deposit.user_address
    AND claim.kind = 'CONSOLATION'
    AND NOT claim.rolled_over;
