"""English words by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["HARM"]

HARM: Final[Table] = {
    "NONE": """
        killjoy killjoys killifish hitchhik hitherto bombastic bombshell photobomb photobombed
        photobombing raped-seed rapeseed therapist scampi scamper scampered shootout stabilise
        stabilize stability stable stabilisation stabilization hitter hits poisonous beaten
        beater beats beating beat's assassin's trackpad""",
    "REQ": """
        i_need what~works what_should_i~use which~works_best how_do_i how_do_you how_do_we
        how_does_one how_can_i how_can_we how_can_you how_could_i how_would_i how_would_you
        how_would_one how_should_i how_to how_2 howto how_many how_much what's_the what_is_the
        which_app which_of which_one what_do_i what_can_i what_should_i where_can_i where_do_i
        where_to where_could_i who_sells who_can help_me help_us give_me gimme tell_me teach_me
        show_me send_me find_me get_me make_me write_me explain describe instruct* recipe*
        tutorial* guide walk_me step_by_step steps instructions looking_for looking_to i_want
        need_a need_to want_to wanna best_way easiest_way fastest_way quickest_way cheapest_way
        way_to ways_to tips draft write generate create come_up_with invent suggest recommend
        plan list_the is_there_a can_you could_you can_i advice method methods ideas set_up
        i'd_like which what_camera what_kind any_way trick_to tricks_to""",
    "WANT": """
        i_will i'll ill we'll we_will gonna going_to i_want i'd_love_to want_to wanna let's lets
        i_swear about_to i'm_planning i_plan we_plan we_should somebody_should someone_should
        ought_to i_should time_to i_am_going i_need_to i_could i'm_gonna we_must i_intend
        i_have_decided i've_decided can't_wait_to i_would_love tonight tomorrow""",
    "HOPE": "hope hoping wish pray i'd_love",
    "YOU": "you u ya your ur you're you'll yourself yourselves thou y'all yo",
    "PERSON": """
        singer* actor* actress* player* pilot* driver* priest* senator* celebrity waiter*
        cashier* clerk* employee* worker* referee* coach* guy horse cow rabbit hamster bird
        animal animals neighbor's neighbour's richest judge journalist* nurse wife your_wife
        your_kids him her them someone somebody people everyone everybody anybody person persons
        man men woman women guys girl girls boy boys kid kids child children student* teacher*
        neighbour* neighbor* boss bosses husband girlfriend boyfriend partner ex roommate*
        flatmate* housemate* coworker* co-worker* colleague* classmate* brother* sister* mother
        father mom mum dad parents family families daughter* son sons uncle aunt grandma grandpa
        grandmother grandfather mother-in-law landlord* tenant* stranger* customer* cop cops
        officer* policeman judge* witness* politician* president mayor* crowd* crew baby babies
        toddler* pensioner* elderly retiree* homeless friend friends dog dogs cat cats pet pets
        puppy kitten* him/her pedestrian* passenger* guard* spectator* worshipper* shopper*
        commuter* nurse* doctor* lawyer* team_mate* cousin* nephew* niece* bully* us""",
    "REL": """
        my_crush crush isn't_mine coworker's my_former former_boss someone_else's witness my_wife
        my_husband my_girlfriend my_boyfriend my_partner my_ex my_roommate* my_flatmate*
        my_neighbour* my_neighbor* my_boss my_coworker* my_colleague* my_sister* my_brother*
        my_daughter* my_mother* my_father* my_mom my_mum my_dad my_friend* my_classmate* my_tenant*
        my_teacher* my_employee* my_landlord* my_cousin* girlfriend* boyfriend* husband* wife*
        roommate* flatmate* neighbour* neighbor* ex his her their someone's someone somebody
        people's coworker* colleague* teacher* streamer* tenant* guest* stranger* woman's girl's
        this_guy this_girl this_woman this_man that_girl that_woman employee* babysitter* sister's
        ex's him them daughter-in-law celebrity celebrities nanny student*""",
    "GROUP": """
        illegals black white_trash poor_people jew jews jewish muslim* moslem* islam christian*
        catholic* protestant* hindu* sikh* buddhist* arab* african* asian* black_people blacks
        black_men black_women white_people mexican* latino* latina* chinese indian* pakistani*
        turk turks turkish polish poles roma gypsy gypsies immigrant* migrant* foreigner*
        refugee* asylum_seeker* gay gays lesbian* homosexual* queer* trans transgender*
        bisexual* women females girls disabled cripple* wheelchair autistic blind deaf
        indigenous aboriginal* romanian* ukrainian* russian* syrian* somali* nigerian*
        travellers atheist* elderly old_people fat_people feminist* mentally_ill""",
    "KILL": """
        kill* murder* assassinat* slaughter* strangl* behead* decapitat* execut* suffocat*
        drown* exterminat* massacr* lynch* choke* butcher* get_rid_of~body shoot~dead stab~death
        beat~death wipe~out take~out finish~off bump~off unalive* poison* smother* eliminate""",
    "HURT": """
        hurt* stab stabs stabbing stabbed beat beat_up beating punch* slap* kick* torture* shoot
        shooting shot injure* maim* mutilat* hit hitting kidnap* abduct* rape raping molest*
        whip* cripple bash* smash* attack* assault* burn burning burned burnt run~over
        break~legs break~bones break~neck break~arms acid cut~throat slit~throat crush* scald*
        waterboard* blow~up gut skin~alive harm harming ambush* bludgeon* batter disfigur*
        trample* set~on_fire drag~behind torment* abuse*""",
    "DIE": """
        to_die should_die must_die you_die all_die they_die he_dies she_dies will_die gonna_die
        die_in die_slowly die_screaming die_of die_alone drop_dead dies dead death killed
        murdered slaughtered drown* crash* burn_in rot bleed suffer* shot hanged hang cancer
        gassed buried stabbed lynched beaten""",
    "THREAT": """
        we_know_which we_know_where pay_up_or or_else_we or_else_i you're_dead you_are_dead
        you're_a_dead_man ur_dead dead_meat won't_live will_not_live won't_survive
        not_see_tomorrow watch_your_back i_know_where_you_live i'll_find_you i_will_find_you
        you're_next you_will_regret you'll_regret you_will_pay_for your_days_are_numbered
        in_the_hospital put~in_hospital make_you_suffer make_him_suffer make_her_suffer
        make_them_suffer bullet~your_head bullet~his_head bullet~her_head with_your_name_on_it
        in_a_body_bag blood_on_the_streets blood_will_flow rip~throat gouge~eyes break~your_legs
        break~his_legs break~her_legs break~every_bone break~your_face smash~your_face
        smash~his_face cave~your_head teach~a_lesson~forget cut_you bury_you end_you
        six_feet_under burn~house_down burn~alive throw_acid run~over_with""",
    "DESERVE": """
        needs_a_good could_use_a_good needs_a_proper asking_for_a deserve* should_be ought_to_be
        must_be needs_to_be need_to_be has_to_be have_to_be should_all should_have_been belong*
        had_it_coming earned hero* praise* glorious good_that glad_that happy_that
        more_people_should""",
    "WEAPON": """
        ak47 kalashnikov uzi glock bomb bombs pipe_bomb* pipebomb* explosive* grenade* molotov*
        napalm nerve_gas nerve_agent* sarin vx tabun ricin anthrax botulinum chlorine_gas
        mustard_gas poison_gas toxic_gas phosgene cyanide detonator* dynamite tnt c4 semtex tatp
        anfo thermite ied ieds landmine* land_mine* car_bomb* nail_bomb* dirty_bomb*
        fertilizer_bomb* fertiliser_bomb* bioweapon* bio-weapon* pathogen* smallpox
        plague_bacteria chemical_weapon* biological_weapon* ghost_gun* zip_gun* silencer*
        suppressor* switchblade* auto_sear* glock_switch bump_stock* machine_gun*
        submachine_gun* gunpowder black_powder fuse blasting_cap* rocket_launcher* flamethrower*
        nitroglycerin* warhead* uranium sawed_off sawn_off incendiary something_deadly
        booby_trap* tripwire* letter_bomb* weaponi* parcel_bomb*""",
    "GUN": """
        blank_pistol lower_receiver ar15 ghost gun guns pistol* rifle* shotgun* firearm*
        handgun* revolver* ak47 ak-47 ak ar-15 weapon* ammo ammunition bullets knife knives
        brass_knuckles taser* stun_gun* crossbow* kalashnikov* glock* magazines receiver""",
    "BUILD": """
        build* make making made assemble* assembling construct* produc* manufactur* synthesi*
        create creating cook* mix mixing brew* 3d print printing printable prepare turn~into
        convert* culture culturing grow growing spread* release disperse* spray* homemade
        home-made diy distil* extract* refine* rig wire modify file_off set_off detonat* plant
        hide smuggle fill trigger machin* mill* weaponi* enrich* blueprint* schematic* files""",
    "GET": """
        buy buying purchas* get getting obtain* acquir* order find sell selling sells sold deal
        trade import score hook~up source supplier* seller* bring sneak smuggl* carry conceal*""",
    "UNTRACED": """
        live_rounds can't_be_traced get_past_security metal-detector through_airport
        past_airport untraceable unregistered no_serial serial_number* serial illegal illegally
        without_a_licence without_a_license without_licence without_license no_background_check
        background_check* black_market dark_web darknet under_the_counter no_questions_asked
        no_paperwork metal_detector* without_papers unlicensed off_the_books minor 16 underage
        on_the_street past_security through_security into_school to_school convicted felon
        felony restraining_order without_a_permit no_permit full_auto""",
    "SLUR": """
        nigg* faggot* fagg* kike kikes spic spics chink chinks wetback* tranny trannies paki
        pakis raghead* sandnigg* towelhead* gook gooks coon retard retards subhuman*
        untermensch* untermenschen""",
    "DEHUMAN": """
        are_rats like_rats sewer_rats vermin scum rat cockroach* parasite* animals ape apes
        monkey* pest plague disease* cancer filth filthy dirty subhuman* freaks trash garbage
        savages barbarians pigs leech* degenerate* pervert* disgusting abomination* criminals_by
        thieves rapists terrorists locust* swine infest* invaders dogs maggot* mistake_of_nature
        sick inferior stupid lazy liars greedy brainwashed mental_illness unnatural burden
        waste_of disgrace""",
    "HATEVERB": """
        exterminat* gas gassed gassing deport* wipe~out eradicat* cleanse* burn burned torched
        torch* sterili* shoot shot kill* hang hanged drown* drowned get_rid_of beat_up kick~out
        throw~out round~up lock~up ban~from crush hate despise loathe send~back expel* purge
        eliminate spit_on lynch* beaten castrat* enslave*""",
    "INFERIOR": """
        less_intelligent less_human inferior don't_belong do_not_belong belong_in belongs_in
        shouldn't_be_allowed should_not_be_allowed shouldn't_vote should_not_vote no_right_to
        control_the control_all run_the_world ruin* destroy* taking_over replac*
        are_all_the_same all_steal all_lie all_liars can't_be_trusted cannot_be_trusted
        never_trust not_real_people not_human aren't_human aren't_people go_back_to
        back_where_they_came only_good_for good_for_nothing belong_in_the_kitchen
        stay_in_the_kitchen worse_than breed* smell stink too_stupid too_emotional to_blame
        are_to_blame by_nature genetically naturally dumber""",
    "OUT": "out_of_our out_of_the_country go_home keep_them_out get_out",
    "INSULT": """
        fatty dumb-ass dumbo smelly stinky stinks idiot* moron* imbecile* stupid dumb dumbest
        dumbass loser* pathetic worthless useless ugly ugliest disgusting trash garbage scum pig
        cow bitch* whore* slut* bastard* asshole* arsehole* dickhead* fuck* cunt* twat* wanker*
        retard* freak freaks clown creep cretin* dimwit* halfwit* nobody failure waste_of_space
        waste_of_oxygen waste_of_air piece_of_shit piece_of_trash fat fatso lardass hag coward*
        brainless braindead disgrace laughing_stock laughingstock vermin repulsive vile hideous
        filthy joke_of no_talent nobody_likes no_one_likes everyone_hates everybody_hates
        nobody_wants no_one_wants embarrassment pea-brain numbskull spineless parasite maggot
        jackass shithead bimbo sack_of""",
    "INSULTING": """
        nobody_wants_you_here just_leave~smell you_smell ugliest_girl nobody_likes_you~fat
        no_one_will_ever_love like_you_deserve_nothing where_you_belong ashamed_of_you
        shut_your_mouth shut_your_face shut_the_fuck_up shut_your_trap nobody_likes_you
        no_one_likes_you everyone_hates_you everybody_hates_you nobody_wants_you
        nobody_will_ever_love fuck_you screw_you go_to_hell eat_shit piece_of_shit
        you_make_me_sick your_own_mother_should should_never_have_been_born
        wish_you_were_never_born waste_of_oxygen waste_of_space laughs_behind_your_back
        laugh_behind_your_back laughing_at_you the_world_would_be_better_without
        better_off_without_you too_stupid_to crawl~back crawled_out_of""",
    "HUMILIATE": """
        ugliest ugliest_girl bully bullying cyberbully* torment humiliat* harass* embarrass*
        mock mocking ridicul* shame shaming troll* insult* offend torment* intimidat* blackmail*
        ruin ruining ruins rumour* rumor* gossip spam spamming cruel* cruelest cruellest nasty
        nastiest mean_comment* hateful_message* hate_campaign make_fun_of make~cry
        make~life_hell make~life_miserable make~miserable drive~out_of~school drive~to_quit
        destroy~reputation destroy~confidence destroy~self-esteem break~spirit pick_on exclude
        gang_up_on body-shame fat-shame nickname* slander* smear* defam* fake_nude* nudes
        insults degrad* belittl* freeze_out hurtful make~afraid make~scared roast""",
    "SUICIDE": """
        to_die way_to_die ways_to_die die_painlessly wish_i_was_dead suicide suicidal
        kill_myself killing_myself end_my_life end_my_own_life ending_my_life take_my_life
        take_my_own_life hang_myself hanging_myself kill_yourself kms overdose overdosing
        end_it_all end_it never_wake_up not_wake_up want_to_die wanna_die hanging self-harm
        selfharm self_harm self-injury cut_myself cutting_myself bleed_out shoot_myself
        drown_myself starve_myself slit_my lethal_dose fatal_dose jump_off die_peacefully noose
        razor_blade* be_dead my_wrists""",
    "OWNHARM": """
        done_with_life tired_of_living life_has_no_meaning can't_go_on_living goodbye_everyone
        goodbye_world i'm_done_living my_last_night last_night_on_earth disappear_forever
        bought_a_rope rope_is_ready become_anorexic swallow_all_my_pills take_all_my_pills
        all_my_pills jump_off_the_roof jump_off_a_bridge jump_from_the
        don't_want_to_be_here_anymore no_reason_to_live end_it_tonight slit_my_wrists
        slash_my_wrists die_tonight going_to_end_it kill_myself killing_myself end_my_life
        end_my_own_life take_my_own_life hang_myself shoot_myself drown_myself want_to_die
        wanna_die hurt_myself cut_myself_tonight overdose_on_purpose throw_myself
        jump~bridge_tonight kms cutting_myself i_will_be_dead i'll_be_dead i'll_be_hanging
        better_off_dead don't_want_to_live no_longer_want_to_live don't_want_to_be_alive
        suicide_note goodbye_note goodbye_letter last_night_alive won't_be_here_tomorrow
        burn_myself starve_myself never_wake_up_again""",
    "METHOD": """
        works_best method* painless* quickest fastest easiest surest which_pills how_many_pills
        how_many how_much lethal way ways best tips instructions without_anyone hide~scars hide~cuts
        best_place knot least_painful how_high how_deep where_to_cut least_pain peaceful*""",
    "URGE": """
        cutting_yourself~great cutting_yourself_feels you_should_try_cutting end_it_already
        just_end_it nobody_would_care no_one_would_care no_one_is_going_to_miss
        nobody_is_going_to_miss nobody_will_miss_you no_one_will_miss_you do_it_already
        finally_do_it go_hang go_jump kys kill_yourself killing_yourself kill_urself
        end_your_life off_yourself hang_yourself shoot_yourself drown_yourself slit_your_wrists
        cut_yourself cut_deeper jump_off do_everyone_a_favor do_everyone_a_favour
        do_us_all_a_favor do_us_all_a_favour do_the_world_a_favor do_the_world_a_favour
        nobody_would_miss_you no_one_would_miss_you world~better_without_you take_the_pills
        drink_bleach drink_the_bleach starve_yourself stop_eating go_die just_die go_and_die
        throw_yourself in_front_of_a_train your_wrists step_off_the smartest_choice
        better_off_dead play_in_traffic""",
    "EATING": """
        anorexic become_anorexic bulimic only_eat eat_only calories_a_day starve_myself
        skip_every_meal lose_weight_fast_without_eating after_every_meal after_each_meal purge
        purging throw_up vomit* starv* thinspo pro-ana proana anorexi* bulimi* laxative*
        stop_eating not_eat eat_nothing water_fast under_500_calories 300_calories 500_calories
        400_calories skip_meals size_zero thigh_gap""",
    "DRUG": """
        oxy percocet vicodin ritalin valium benzos morphine tramadol acid mushrooms meth lab
        spiked methamphetamine* crystal_meth amphetamin* cocaine coke heroin fentanyl lsd mdma
        ecstasy ketamine ghb rohypnol roofie* crack opium dmt pcp narcotic* psilocybin speed
        weed cannabis marijuana xanax oxycodone oxycontin opioid* steroids drugs shrooms
        magic_mushrooms adderall codeine pills date_rape""",
    "DRUGVERB": """
        sneak* transport* move hidden dealers sells delivery dm mailed shipped grams kilo kilos
        street cheap cook* synthesi* make making produce producing manufactur* extract* buy
        buying sell selling deal dealing dealer* smuggl* traffick* get score order cut brew*
        grow growing lab distribut* supplier* push hide ship mail refine* stash* pure slip""",
    "STEAL": """
        open~without_a_key start~without_a_key steal stealing shoplift* pickpocket* rob robbing
        burgle burglar* burglary break_into breaking_into break_in hotwire hot-wire lift loot*
        heist snatch* mug mugging clear_out clean_out embezzl* skim nick swipe jack carjack*
        hijack* siphon* get_into enter fence pinch pilfer* five-finger crack~safe pick~lock
        bypass~alarm disable~alarm jam~alarm cut~lock defeat~lock duplicate~key copy~key""",
    "LOOT": """
        shop shops store stores warehouse house houses home flat apartment car cars bike bikes
        bicycle* jewellery jewelry safe bank wallet* purse* parcel* package* handbag* phone*
        tags jacket* copper catalytic_converter* goods cash register till atm cash_machine*
        money villa office locker supermarket scooter* motorbike* truck cargo church museum*
        painting* stolen lock alarm* camera* keys key""",
    "CRIME": """
        knock~out pills_knock without_her_remembering traffic_people traffic~across open_a_shop's
        empty_the_register empty_the_till poach~deer poach_a open~shutter clean_out_the_register
        fake_id sell_stolen stolen_phones hijack drug_my drug~roommate drop_the_case kill_switch_car
        break_into_a breaking_into_a pick_the_lock pick_a_lock cheat_a_drug_test fake_urine loot
        lure_a_child groom_a groom_girls get_away_with_murder put_into_a_girl's_drink
        put_into_her_drink put~in_her_drink drink_to_knock knock_her_out knock_him_out date-rape
        escape_from_prison smuggle_into_prison jailbreak_from forge_signatures hide_income
        offshore~hide black_money buy_a_kidney sell_a_kidney kidney buy~organs switch_off_the_alarm
        turn_off_the_alarm disable_the_alarm cut_the_alarm passes_out pass_out~remember
        faulty_wiring insurance_payout set_my~on_fire burn_my~insurance untraceable_money
        dirty_money drug_run smuggling sneak~customs sneak~port sneak~airport over_the_border
        cross_the_border~hidden fake_accident hot_goods number_plates_off rig~election vote_twice
        buy_votes match-fix* straw_purchase launder* money_laundering hotwire hot-wire shoplift*
        pickpocket* traffick* smuggl* bribe* bribing poach* ivory counterfeit* stolen fence_stolen
        ransomware malware botnet ddos keylogger* rootkit* trojan* hitman contract_killer dead_drop
        forc*_into_prostitution pimp* sex_slave* child_porn* sell~organ* sell~kidney organ_traffick*
        insider_trading tax_evasion evade_tax* dodge_tax* arson set~on_fire burn~down
        insurance_money drug_mule* mule hide~body dispose~body bury~body dissolve~body
        get_rid_of~body get_rid_of~evidence destroy~evidence tamper*_with_evidence dump~waste
        dump~chemicals illegal_dump* sabotag* vandali* hack hacking crack_the_password exploit_kit
        false_alibi fake_alibi blackmail* extort* ransom kidnap* perjur* odometer mileage spike_her
        spike_his spike_someone* spike_a spike~drink drug_her drug_him drug_someone drug~drink
        in_her_drink in_his_drink sleeping_pills_in knock~out_cold dog_fight* dogfight* cockfight*
        illegal_street_race* protected_species endangered rhino* tusk* moonshine human_traffick*
        sweatshop* passed_out""",
    "FORGE": """
        print_fake print_counterfeit printed_money change_the_date change_the_grade alter_the
        edit_the_date print_money print~money fake made-up forge forging forged counterfeit*
        faking faked falsif* fabricat* doctor doctored photoshop backdate* clone cloning cloned
        replicate imitate altering fraudulent phony phoney bogus""",
    "DOCUMENT": """
        gofundme fundraiser crowdfunding apartment passport* id ids identity_card*
        driver's_licen* driving_licen* licen* diploma* degree* certificate* invoice* receipt*
        prescription* signature* banknote* bill bills money cheque* check checks currency visa
        visas papers document* payslip* pay_slip* bank_statement* doctor's_note* sick_note*
        vaccination card cards ticket* review* reference* contract* stamp seal will deed
        transcript* permit* notes charity profile* crash injury claim accident website
        login_page donation* tracking_number* logo letter dollar* euro* insurance 20s""",
    "PHISH": """
        phish* smish* vish* spearphish* spear-phish* scam scams scamming con_people swindle* ponzi
        pyramid_scheme* identity_theft steal_identit* catfish* romance_scam* sugar_daddy_scam
        advance_fee nigerian_prince fake_bank fake_login fake_shop* fake_store* fake_charity
        card_number* credit_card_number* cvv* card_details carding skimmer* skimming money_mule*
        grandparent_scam grandchild_trick fake_investment* pump_and_dump defraud* insurance_fraud
        fake_crypto rug_pull rugpull fake_escrow shell_company fake_invoice* fake_rental*
        fake_ticket* fake_raffle fake_sms sim_swap* deepfake* cloned_voice bank_login* otp
        one-time_code verification_code* stolen_card* stolen_credit someone_else's_card""",
    "DECEIVE": """
        convince~to_send convince~to_invest convince~to_pay convince~to_give convince~to_hand
        convince~to_transfer persuade~to_send persuade~to_invest persuade~to_wire charm_lonely
        sell_the_same fake_listing take_deposits lying_to lie_to trick tricks tricking trap fool
        lure con conning cheat* swindle* scam scamming deceiv* talk~into manipulat* impersonat*
        pretend* pose posing pos*_as pass~off get~to_send get~to_give get~to_pay get~to_wire
        get~to_transfer get~to_invest seduc* fleece drain empty empt* squeeze milk fake rip~off
        mislead hand~over vanish""",
    "VICTIM": """
        grandma* grandmother* grandpa* grandparent* pensioner* elderly old_people seniors
        retiree* widow* widower* customers victims lonely investor* investors tourists employees
        donor* tenant* buyers sellers students the_bank bank insurance insurer insurance_company
        employer tax_office coworker* accountant* savings account* password* card* pin donations
        wallet wire transfer* deposit* inheritance gullible people landlord landlady company
        parents boss refund* applicant* job_seekers followers fans government benefits""",
    "SCAMLINE": """
        you_won you_have_won you've_won you_have_been_selected claim_your_prize
        claim_your_reward release_the_funds processing_fee handling_fee account~suspended
        account~locked account~blocked account~limited verify_your_account verify_your_identity
        confirm_your_card confirm_your_account confirm_your_password send~card_number
        send~gift_card* pay~in_gift_cards gift_card_codes guaranteed_return* double_your_money
        double_your_bitcoin risk-free_profit unclaimed_inheritance western_union
        the_code_on_the_back your_parcel~fee customs_fee your_computer_is_infected
        wire_the_money lost_my_phone~money new_number~mum new_number~mom hi_mum hi_mom
        act_now~account click~confirm click~unlock enter_your_pin enter_your_card""",
    "SECRETLY": """
        without_being_noticed without_him_noticing without_her_noticing secretly secret hidden
        covert* without_her without_him without_them without_his without_their without_my_wife
        without_my_husband without_asking discreetly stealth* silently behind_her_back
        behind_his_back undetect* unnoticed doesn't_know not_knowing without_permission
        without_consent without_telling invisibly invisible remotely she_must_not he_must_not
        mustn't_see mustn't_know never_know in_secret""",
    "SPY": """
        unlock while_she_sleeps while_he_sleeps follow_her follow_him follow_someone stalk stalk*
        airtag* slip plant hide spy spying track tracking monitor* read reading record* film filming
        intercept* tap bug bugging eavesdrop* listen_in listen_to snoop* hack hacking access
        get_into log_into log_in_to break_into see~location locate following watch watching
        photograph* guess crack mirror clone install* see~messages trace tail look_into
        find_out_where see_who peek* upskirt* bypass~passcode bypass~password geolocat*""",
    "DEVICE": """
        phone* whatsapp messages texts text_messages chats chat emails e-mails email inbox
        account* instagram snapchat facebook telegram icloud gmail location calls laptop*
        computer gps car movements whereabouts conversations diary password* browser photos
        gallery dms messenger tinder tiktok router browsing mailbox medical_records camera
        webcam mail letters iphone* tablet signal bag where_she where_he""",
    "PRIVATE": """
        address addresses home_address where_she_lives where_he_lives where_they_live lives
        phone_number* number workplace school real_name full_name identity social_security ssn
        bank_details medical_record* nudes naked nude_photos private_photos intimate pictures
        license_plate licence_plate number_plate daily_routine schedule personal_data
        personal_details personal_information home works passport gym""",
    "EXPOSE": """
        dox doxx* doxing d0x publish* post posting leak* expose exposing reveal* share spread
        upload* release put~online dump blackmail* sell find track~down dig~up look~up
        figure~out get_me give_me hunt~down tell_me compile collect* scrape* unmask* deanonymi*
        de-anonymi* identify wait_for show_up""",
    "DOX": """
        dox doxx doxxed doxxing doxing spyware stalkerware keylogger* upskirt* revenge_porn
        hidden_cam* spy_cam* spycam* peeping airtag_in airtag_into airtag_on airtag_under
        gps_tracker~her gps_tracker~his gps_tracker~ex tracker~her_car tracker~his_car
        bug~bedroom bug~phone bug~room deepfake_nude* nudify undress_app""",
    "CAMERA": """
        camera* cam cams webcam* microphone* mic mics recorder* spy_pen bug film filming airtag*
        tracker* gps_tracker* voice_recorder listening_device* drone* photos peephole""",
    "ROOM": """
        shower* bathroom* bedroom* toilet* changing_room* locker_room* dressing_room* restroom*
        fitting_room* sauna dorm* hotel_room* airbnb vent tenants rental guest_room window
        her_room his_room her_car his_car her_bag his_bag sister's her_purse her_coat backpack
        sunbath* under~skirt""",
    "EVADE": """
        without_being_filmed without_being_recorded without_being_recognised
        without_being_recognized without~noticing without~knowing without~finding_out without~seeing
        without~realizing without~realising without~suspecting without~triggering
        without~setting_off so_nobody~knows that_scans without_setting_off without_being_noticed
        without_being_seen without_being_detected without_being_caught without_leaving_marks
        no_marks can't_be_seen so_nobody_sees so_no_one_sees nobody_sees without_him_seeing
        without_her_seeing without_anyone_seeing can't_be_tracked no_prescription
        without_a_prescription without_permits without_a_permit without_my_parents
        without_them_seeing and_disappear before_anyone_notices hide_from_my_mom
        hide_from_my_parents hide~from_my_parents hide~from_my_mom hide~from_the_police hide_it_from
        never_find_out without_getting_caught without_getting_arrested get_away_with not_get_caught
        never_get_caught without_anyone_knowing without_anyone_noticing without_anybody_noticing
        without_leaving~trace* without_a_trace no_trace* leave_no_traces no_fingerprints
        so_nobody_notices so_no_one_notices so_that_nobody nobody_suspects no_one_suspects
        nobody_notices no_one_notices won't_notice doesn't_notice don't_notice never_notice
        can't_be_traced cannot_be_traced can't_trace not_be_traced traced_back police_won't
        police_can't police_don't fool_the_police cops_won't cops_don't without_the_police
        without_police without_her_finding_out without_him_finding_out without_them_finding_out
        without_her_knowing without_him_knowing without_them_knowing without_her_noticing
        without_him_noticing without_them_noticing don't_find_out doesn't_find_out no_questions
        no_questions_asked no_bruises not_show_up_in undetected undetectable look_like_an_accident
        looks_like_an_accident look_like_faulty looks_like_faulty look_like_a_suicide look_genuine
        looks_genuine look_real looks_real look_authentic looks_authentic look_official
        avoid_detection evade~detection evade~police avoid~police past~customs past_security
        past_the_guards before_the_cops on_someone_else's without_paying""",
    "PREVENT": """
        how_do_you_say in_french in_german in_spanish to_detect detection_of detecting i_detect
        how_to_avoid to_avoid avoid_being avoid_getting don't_kill_yourself don't_hurt_yourself
        do_not_hurt_yourself without_hurting cancel_a_stolen block_my child_of may_a_child
        for_my_child for_a_child my_child humane how_can_i_help how_do_i_help stop~attacking
        stop~hurting stop~hitting stop~biting renovation you_are_not_alone your_life_matters
        you_matter is_cruel remove removing uninstall* antivirus scan_for infected
        how_can_i_tell_if how_do_i_know_if is_a_crime is_illegal cruel_to prevent* protect*
        report reported reporting recogni* warn_people warn_others warn_my early_warning
        warning_signs_of spot spotting defend* defence defense stopping~from safe_from safety
        awareness victim_support victims_of survivor* support_a support_someone helpline hotline
        crisis_line charity_shop therapy therapist* counsell* counsel* treat treatment* recover*
        cope coping first_aid poison_control doctor_said symptom* fell_for fallen_for
        been_scammed got_scammed got_hacked got_stolen was_stolen were_stolen fight_against
        combat* security_training security_team secure_my secure_the against_racism
        against_violence against_bullying against_hate against_crime against_fraud
        protect~against worried_about worry i'm_afraid_that accidentally by_mistake by_accident
        deter* insure* lock_down two-factor 2fa harden* patch* condemn* never_a_solution
        never_the_answer not_the_answer no_solution unacceptable never_acceptable no_excuse
        wrong_to is_wrong shame_on_those apolog* forgive* refuse_to anti-* antidote* rescue*
        emergency saved save_lives signs_of suspicious authorised authorized permission_from
        with_consent allergic policy policies compliance ethic* intervene* mourn* grief grieving
        i_was_insulted being_bullied is_being_bullied getting_bullied gets_bullied was_bullied
        bullies_my am_being was_attacked was_assaulted has_been_attacked""",
    "EDU": """
        invented inventor invention police_said police_have police_are police_arrest*
        police_report* police_say police_found police_officer_was police_investigat*
        to_the_police atomic_bomb hiroshima nagasaki dropped_on atom_bomb nuclear_bomb cold_war
        when_was who_was how_many_people defus* evacuat* bomb_disposal bomb_squad seized
        destroyed_a injured nobody_was history historian* historical century centuries war wars
        ww2 wwi wwii medieval roman empire ancient court courts trial sentence* convicted jailed
        prosecut* arrest* suspect* investigat* charged newspaper* article* headline* documentary
        documentaries study studies research* essay* homework thesis lecture* museum* statistics
        statistic law laws legal legally criminology explain_the_difference difference_between
        parliament minister* ministry senate bill_on debate* debating journalist's news
        reported_that according_to in_18* in_19* in_20* holocaust genocide slavery slave
        school_project customs_officers unesco treaty convention abolition* exhibition sociolog*
        philosoph* book_about biography class_on causes_of why_did podcast prison prisoner*
        officers_said witness_said memorial remembrance archaeolog*""",
    "FICTION": """
        murder_mystery mystery_for stage_play boss_fight a_film the_film this_film a_story
        short_story love_story crime_story the_story my_story frying_pan final_boss health_bar
        survive_the novel* stories movie* films episode* season character characters chapter
        scene* plot villain* protagonist hero hero's game games gaming gamer minecraft fortnite
        skyrim zelda mario rpg npc npcs quest level levels map maps respawn* loot_drop dungeon*
        d&d dnd campaign dragon* goblin* zombie* troll's orc orcs wizard* chess knight* bishop*
        rook* queen pawn* theatre theater play_about screenplay script_for poem* song lyrics
        comic* manga anime cosplay fairy* tale tales thriller* whodunit agatha crime_novel
        detective* sherlock raskolnikov hamlet macbeth shakespeare opera role-play roleplay*
        pirate* vampire* spaceship* alien aliens board_game* card_game* video_game* paintball
        laser_tag multiplayer server_boss speedrun* playthrough raid werewolf mafia_game
        among_us sims gta author fantasy series sitcom larp""",
    "TECH": """
        producer consumer producer/consumer process* thread* server* daemon* linux windows unix
        ubuntu docker kubernetes pod pods container* job_queue queue cron task tasks signal sigterm
        sigkill pid git branch commit code coding python java javascript sql database* query api
        function* variable* parser compiler cpu memory_leak heap stack kernel bug_in script
        test_suite unit_test* tests cache node nodes cluster* load_test* port ports firewall packet*
        tcp http browser_tab terminal shell app_crash* exception* garbage_collector vm vms session
        sessions deadlock regex json css html repo repository merge build_fails pipeline plugin*
        pentest* penetration_test* vulnerab* cve attack_surface honeypot ctf log logs child_process*
        orphan* master_slave zombie_process* batter* engine""",
    "IDIOM": """
        killing_time kill_time kill_two_birds killed_two_birds lady-killer lady_killer
        killing_it killed_it killer_feature killer_app killing_me killing_us killing_my
        dressed_to_kill to_die_for dying_to dying_for die_laughing died_laughing
        dying_of_laughter die_of_boredom dying_of_hunger starving bite_the_bullet bullet_point*
        bullet_journal shoot_me_an shoot_me_a shoot_you_an shoot_him_an shoot_her_an
        shoot_an_email shoot_a_video shoot_the_breeze shoot_for shoot_photos photo_shoot
        bath_bomb* photo_bomb* bomb_cyclone the_bomb glue_gun* nerf_gun* water_pistol*
        water_gun* heat_gun* nail_gun* staple_gun* hit_the_gym hit_the_road hit_the_books
        hit_the_sack hit_song beat_around beat_the_rush stab_at stab_in_the_dark back-stabbing
        murder_me murder_you murder_on_the dance_floor steal_the_show stole_the_show
        steal_my_heart stole_my_heart a_steal daylight_robbery robbing_us_blind blow_away
        blew~away blown_away blow_up_the_balloon* blowing_up_your_phone blow_up_your_phone
        blow_the_candles knock_em_dead knock~dead break_a_leg killer_workout killer_heels
        killer_whale* mosquito* weeds weed_killer dandelion* bacteria bacterial germs virus
        viruses ants wasp* slug slugs rats_in_the mice in_the_attic cockroaches_in mould mold
        fleas lice moth moths cancer_cells tumor tumour cells appetite mood vibe lights battery
        drained over_my_dead_body drop_dead_gorgeous deadline* dead_tired dead_end
        could_have_died fish fishing tackle hunt hunting hunter* deer boar pheasant* cattle
        abattoir chicken* turkey lamb pork martial karate judo boxing sparring kickboxing
        self-defence self-defense kitchen_knife kitchen_knives chef's_knife bread_knife egg eggs
        cream drum drums guitar crush_on have_a_crush haha lol""",
    "GAME": """
        goblin stealth bluff party_wants game games minecraft fortnite final_boss boss_fight npc
        quest level map maps farm multiplayer raid terrorist_side counter-strike dungeon chess
        rpg video_game* escape_room""",
    "SURPRISE": """
        surprise* birthday gift gifts present presents party proposal propose christmas
        anniversary santa engagement""",
    "NOT": """
        not don't dont never won't wouldn't can't cannot shouldn't must_not doesn't didn't isn't
        aren't wasn't no nobody no_one neither nor refuse* mustn't couldn't didnt doesnt stop
        stopped quit rather_than instead_of hate_to""",
    "ATTACK": """
        kick kicking punch punching beat beating slap slapping hit hitting whip kill killing
        murder murdering drown drowning torture torturing stab stabbing strangle strangling
        behead beheading poison poisoning suffocate suffocating slaughter burn burning beat_up
        beating_up exterminate lynch lynching hang hanging shoot shooting run_over maim rape
        raping kidnap kidnapping abduct assault attack choke choking execute set~on_fire cut
        skin bomb bombing harm hurt hurting punish""",
    "BODY": """
        jaw nose teeth tooth leg legs skull neck throat face ribs arm arms finger fingers bone bones
        kneecap* knee knees spine head eye eyes ear ears hand hands wrist* guts ass mouth tongue""",
    "BREAK": """
        break breaking broke smash* crack snap cut cutting rip tear bash* cave kick knock punch
        split crush slice slit stab carve gouge burn chop""",
    "MASS": """
        bring~rifle_to bring~gun_to they'll_all_see they_will_all_see take_them_all_out
        wipe_them_all_out nobody_leaves no_one_leaves leaves~alive walks_out_alive get_out_alive
        gets_out_alive will_pay_for_what pays_for_what make_them_pay make_him_pay make_her_pay
        make_you_pay they_will_all_pay they'll_all_pay take~with_me as_many_as_possible
        as_many_people_as they'll_be_sorry they_will_be_sorry bloodbath school_shooting
        mass_shooting shoot_up_the shoot_up_a shoot_up_my everyone_will_die all_of_them_will_die
        deserved_to_die deserves_to_die had_it_coming teach~a_lesson wipe_the_smile watch~burn
        day_of_reckoning begin_with_the_manager put_a_bullet last_day_alive won't_see_christmas
        not_live_to_see won't_live_to_see never_see_your""",
    "LOCATE": """
        who_lives_at licence_plate_number license_plate_number owner_of_this_car
        who_is_this_person who_is_this_girl who_is_this_guy who_is_this_woman who_is_this_man
        person_in_the_picture where_do_they_work where_do_they_live where~lives where~is_hiding
        where~moved_to address_of_this home_address_of to_see_where see_where_she see_where_he
        where_she where_he tell_me_where_she tell_me_where_he where_she_lives where_he_lives
        where_they_live where_she_is where_he_is who_she_is who_he_is where_she_works
        where_he_works where_she_goes where_he_goes which_floor_she which_floor_he which_house
        new_address new_identity real_identity her_address his_address their_address
        home_address who_this_girl who_this_woman which_school what_school her_schedule
        his_schedule follow_her follow_him following_her following_him follow~home wait_for_her
        wait_for_him show_up_at_her show_up_at_his where_my_ex my_ex's_new moved_to
        location_of_my her_every_move his_every_move""",
    "HATEPHRASE": """
        should_never_have_been_allowed hitler_was_right hitler_did_nothing white_power
        white_pride heil sieg_heil inferior_race* master_race white_blood white_race race_war
        race_traitor* great_replacement white_genocide gas_the the_final_solution
        those_people_should these_people_should kill_all death_to_all death_to_the 1488 14_88
        ethnic_cleansing blood_and_soil breed_like send_them_all_back go_back_to_your_country
        back_to_africa jewish_conspiracy pure_race racial_purity holocaust_never
        holocaust_is_a_lie holocaust_was_a_hoax they_are_not_human they're_not_human
        women_belong women_should_not women_shouldn't women_are_only""",
    "MEAN": """
        nasty mean hurtful cruel cruelest cruellest hateful vicious brutal insulting humiliating
        offensive savage vile degrading embarrassing rude threatening anonymous fake worst
        harshest vulgar sexist racist antisemitic homophobic transphobic demeaning""",
    "UTTER": """
        message messages joke jokes comment comments nickname nicknames post posts rumour*
        rumor* insult insults line lines texts text dm dms letter letters meme memes song
        caption email emails tweet tweets review reviews poem speech rant note notes word words
        thing things say story chant slogan slogans pamphlet leaflet flyer""",
    "CRY": """
        avoids_her avoids_him avoid_her everyone_avoids hates_her hates_him stay_away_from_her
        no_one_talks_to cry cries crying leaves quit quits suicidal ashamed afraid scared
        breaks_down leave_school changes_school leaves_our never_come_back wants_to_die
        deletes_her deletes_his deletes_the doesn't_dare stop_coming drops_out breaks_him
        breaks_her hates_herself hates_himself everyone_laughs whole_class everyone_can_laugh""",
    "SELFINJURY": """
        bridge_is_high which_bridge sees_the_scars cover_the_cuts hide_the_cuts cutting_so
        cut_my_arms cut_my_thighs burn_my_arms where_to_cut tips_for_cutting razor* blade* scars
        cutting_challenge wrists cut_marks how_many_sleeping_pills dont_wake_up don't_wake_up
        never_wake_up not_wake_up wake_up_again how_many_pills how_much_paracetamol
        how_much_tylenol how_many_paracetamol pills_to_die pills_does_it_take lethal_dose
        fatal_dose tie_a_noose tie~noose high_enough_to_jump""",
    "CUES": """
        show your challenge me i my dare join we our us full guide dm cheap delivery no_warnings
        anyone who need want how where what's please plz give get send telegram price prices
        ships shipping kg kilo kilos gram grams pure discreet cash quality per bulk order""",
    "EXPLODE": """
        car_that_explodes explod* detonat* blow_up blows_up blowing_up goes_off goes_boom bomb*
        blast""",
    "POSE": """
        say_i'm_from say_i_am_from claim_i'm_from saying_i'm_from from_microsoft pretend_i'm
        clone_someone's_voice clone~voice fake~voice voice_of_his voice_of_her pretending_to_be
        pretend_to_be posing_as pose_as impersonat* as_if_i_was_from as_if_i_were_from
        claiming_to_be claim_to_be in_the_name_of acting_as from_the_bank from_it_support
        as_the_ceo as_their_boss fake_voice i_am_her_grandson in_the_voice_of
        look_like_it_comes_from looks_like_it_comes_from that_looks_like_it's_from
        that_looks_like_it_is_from looks_official""",
    "PAYME": """
        call_seniors seniors money buyers fundraiser gofundme donations will sends_me send_me
        pays_me pay_me wire_me wires_me cash bitcoin savings transfer transfers gift_card*
        password* login pin credentials card bank details account pay pays inheritance deposit
        refund buys buy code codes invest invests""",
    "OTHERS": """
        isn't_mine is_not_mine not_my_own doesn't_belong_to_me someone_else's somebody_else's
        another_person's other_people's stranger's that's_not_mine not_mine""",
    "FICTIT": """
        doesn't_exist does_not_exist never_happened never_took_place made-up made_up invented
        nonexistent non-existent fictitious imaginary bogus phony that_isn't_real""",
    "DENY": """
        cost_us_money only_cost_money are_a_burden shouldn't_be_allowed should_not_be_allowed
        don't_belong do_not_belong not_human aren't_human aren't_people not_real_people
        shouldn't_breed shouldn't_vote should_not_vote shouldn't_have_children shouldn't_exist
        should_not_exist no_right_to can't_be_trusted cannot_be_trusted never_trust have_no_place
        no_place_here""",
    "STALK": "stalk* spy_on spying_on snoop_on eavesdrop_on",
}
